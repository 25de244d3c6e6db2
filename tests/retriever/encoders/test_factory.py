import os
from pathlib import Path

import pytest

from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.encoders.factory import make_encoder, open_index
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.errors import UsageError


def test_bm25_by_name() -> None:
    assert isinstance(make_encoder("bm25"), Bm25Encoder)


def test_e5_by_name_loads_nothing_yet() -> None:
    assert make_encoder("e5:intfloat/e5-base-v2@main").name == "e5:intfloat/e5-base-v2@main"


@pytest.mark.parametrize("spec", ["e5:model?prefix=off", "e5:@main", "e5:model@"])
def test_malformed_e5_names_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match=r"e5:"):
        make_encoder(spec)


@pytest.mark.parametrize("spec", ["", "bm26", "e5", "e5:", "bm25:x", "tiny:", "tine", "nyx:", "hf"])
def test_unknown_names_are_refused_with_the_valid_ones(spec: str) -> None:
    with pytest.raises(UsageError, match=r"valid names: bm25, e5:MODEL"):
        make_encoder(spec)


def test_an_index_stays_open_until_it_is_built_again(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    for ids in (("a", "b"), ("c",)):
        folder.mkdir()
        Bm25Encoder().build((SearchEntry(key, f"text of {key}") for key in ids), folder)
        os.utime(folder, ns=(0, len(ids)))  # two builds within one tick of the clock
        assert tuple(open_index("bm25", folder).ids) == ids
        assert open_index("bm25", folder) is open_index("bm25", folder)
        folder.rename(tmp_path / f"old-{len(ids)}")

import pytest

from nyxqa.retriever.bm25 import Bm25Encoder
from nyxqa.retriever.make import make_encoder
from nyxqa.schemas.errors import UsageError


def test_bm25_by_name() -> None:
    assert isinstance(make_encoder("bm25"), Bm25Encoder)


@pytest.mark.parametrize("spec", ["", "bm26", "e5", "e5:", "bm25:x", "tiny", "nyx:folder"])
def test_unknown_names_are_refused_with_the_valid_ones(spec: str) -> None:
    with pytest.raises(UsageError, match=r"valid names are bm25"):
        make_encoder(spec)

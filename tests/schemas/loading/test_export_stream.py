"""A self-contained export as a stream of the rows that ``load`` joins."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import IterableDataset, IterableDatasetDict
from datasets.distributed import split_dataset_by_node

import nyxqa
from nyxqa.builders.export import shards
from nyxqa.schemas.errors import FormatError, UsageError
from tests.support.dataset_cache import use_cache


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cache(monkeypatch, tmp_path / "cache")
    datasets.disable_progress_bars()


@pytest.fixture
def exported(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    monkeypatch.setattr("nyxqa.schemas.writing.IMAGE_GROUP_ROWS", 1)
    nyxqa.export(root, "shards", tmp_path / "export")
    return tmp_path / "export"


def plain(value: Any) -> Any:
    """Pictures as their pixels, so that rows can be compared."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.tobytes() if hasattr(value, "tobytes") else value


@pytest.mark.parametrize("images", ["decode", "bytes", "none"])
@pytest.mark.parametrize("most", [None, 0, 1])
def test_the_stream_holds_the_rows_that_load_joins(root: Path, exported: Path, images: Any, most: int | None) -> None:
    options: dict[str, Any] = {"split": "train", "images": images, "max_negatives": most}
    stream = nyxqa.load("triplets", exported, streaming=True, **options)
    assert isinstance(stream, IterableDataset)
    found = {row["query_id"]: plain(row) for row in stream}
    wanted = {row["query_id"]: plain(row) for row in nyxqa.load("triplets", root, **options)}
    assert found.keys() == wanted.keys()
    for key, row in wanted.items():
        assert found[key] == {name: row[name] for name in found[key]}
        assert {"query", "positive", "negatives"} <= found[key].keys()
    assert any(row["positive"]["images"] for row in found.values())


def test_all_splits_and_shares_of_nodes(exported: Path) -> None:
    splits = nyxqa.load("triplets", str(exported), images="bytes", streaming=True)
    assert isinstance(splits, IterableDatasetDict)
    assert list(splits) == ["train", "validation", "test"]
    train = splits["train"]
    assert train.n_shards > 1
    shares = [[row["query_id"] for row in split_dataset_by_node(train, rank, 2)] for rank in range(2)]
    assert sorted(shares[0] + shares[1]) == sorted(row["query_id"] for row in train)
    assert len(set(shares[0] + shares[1])) == len(shares[0]) + len(shares[1])


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("triplets", {}, "is an export of joined triplets to stream: .*streaming=True"),
        ("triplets", {"streaming": True, "join": False}, "is an export of joined triplets to stream"),
        ("qa", {"streaming": True}, "is an export of joined triplets to stream"),
        ("triplets", {"streaming": True, "split": "dev"}, "no split 'dev'; valid splits: train, validation, test"),
        ("triplets", {"streaming": True, "images": "pil"}, "images='pil'"),
        ("triplets", {"streaming": True, "max_negatives": -1}, "max_negatives=-1 is not a number"),
    ],
)
def test_what_an_export_cannot_give_is_refused(exported: Path, name: str, options: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        nyxqa.load(name, exported, **options)


def test_a_dataset_is_no_export(root: Path) -> None:
    with pytest.raises(UsageError, match=r"streaming=True needs join=False.*export DATA --to shards"):
        nyxqa.load("triplets", root, streaming=True)


def test_files_of_something_else_are_refused(exported: Path) -> None:
    folder = exported / "data" / "shards"
    first = min(folder.glob("train-*.parquet"))
    pq.write_table(pa.table({"text": ["a"]}), first)
    with pytest.raises(FormatError, match="does not hold joined rows"):
        nyxqa.load("triplets", exported, split="train", streaming=True)
    first.write_bytes(b"PAR1")
    with pytest.raises(FormatError, match="cannot be read"):
        nyxqa.load("triplets", exported, split="train", streaming=True)
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(FormatError, match="holds no rows"):
        nyxqa.load("triplets", exported, split="train", streaming=True)

"""A dataset with everything an export may meet: rows with no, one and several negatives and images."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pytest

from nyxqa.schemas.content import PLACEHOLDER, plain_text
from tests.support.dataset_cache import use_cache
from tests.support.tiny_dataset import Row, TinyDataset, tiny_dataset


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cache(monkeypatch, tmp_path / "cache")
    datasets.disable_progress_bars()


def full_dataset() -> TinyDataset:
    """Rows with no, one and three negatives and images, and a document that is in two pools."""
    tiny = tiny_dataset(full=True)
    first, second = tiny.rows("triplets", "train")[:2]
    for row, kept in ((first, 0), (second, 1)):
        for name in ("negative_ids", "negative_ranks", "negative_scores"):
            row[name] = row[name][:kept]
    tiny.tables["corpus"]["other"] = [*tiny.rows("corpus", "wiki")[:1]]
    return tiny


@pytest.fixture
def tiny() -> TinyDataset:
    return full_dataset()


@pytest.fixture
def root(tiny: TinyDataset, tmp_path: Path) -> Path:
    tiny.write(tmp_path / "out")
    return tmp_path / "out"


def sides(tiny: TinyDataset, row: Row) -> list[tuple[str, list[bytes]]]:
    """Text and images of query, positive and negatives of a triplet."""
    documents = [tiny.document(one) for one in (row["positive_id"], *row["negative_ids"])]
    listed = [(row["query"], row["query_images"]), *((one["text"], one["images"]) for one in documents)]
    return [(text, [image["bytes"] for image in images]) for text, images in listed]


def left_out(out: Path) -> list[Row]:
    """What an export lists as left out."""
    path = out / "left_out.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def plain(text: str) -> str:
    """Text as formats without placeholders have it."""
    return plain_text(text) if PLACEHOLDER in text else text

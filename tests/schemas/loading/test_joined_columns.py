"""Joined rows and batches in their order are what the transform makes of the same rows, and are not held."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import datasets
import pytest
from PIL import Image

import nyxqa
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.loading import joined_columns, joined_dataset
from nyxqa.schemas.loading.join import Joiner
from tests.support.dataset_cache import use_cache
from tests.support.tiny_dataset import tiny_dataset

TABLES = [("triplets", "train"), ("triplets", "test"), ("qa", "test"), ("mixture", "train"), ("feedback", "train")]


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Few rows at a time, so that a tiny table has several lots of them."""
    use_cache(monkeypatch, tmp_path / "cache")
    datasets.disable_progress_bars()
    monkeypatch.setattr(joined_dataset, "_REFERENCES", 4)
    monkeypatch.setattr(joined_columns, "_BLOCK", 3)


@pytest.mark.parametrize("images", ["bytes", "none"])
@pytest.mark.parametrize(("table", "split"), TABLES)
def test_rows_and_batches_are_what_the_transform_makes(root: Path, table: str, split: str, images: Any) -> None:
    rows = nyxqa.load(table, root, split=split, images=images)
    wanted = [rows[number] for number in range(len(rows))]
    assert wanted
    assert list(rows) == wanted
    assert [list(row) for row in rows] == [list(row) for row in wanted]
    for size in (1, 3, 5, 1_000):
        for drop in (False, True):
            batches = list(rows.iter(size, drop_last_batch=drop))
            starts = range(0, len(rows) // size * size if drop else len(rows), size)
            assert batches == [rows[start : start + size] for start in starts]


@pytest.mark.parametrize("most", [0, 1, 2])
def test_negatives_are_cut(root: Path, most: int) -> None:
    rows = nyxqa.load("triplets", root, split="train", images="bytes", max_negatives=most)
    assert list(rows) == [rows[number] for number in range(len(rows))]
    assert {len(row["negatives"]) for row in rows} == {most}


@pytest.mark.parametrize("columns", [["positive"], ["negatives", "query_id"], ["query", "negatives"], ["answers"]])
def test_chosen_columns_stay_alone_and_in_their_order(root: Path, columns: list[str]) -> None:
    rows = nyxqa.load("triplets", root, split="train", images="bytes")
    chosen = rows.select_columns(columns)
    assert list(chosen) == [{name: row[name] for name in columns} for row in rows]


def test_batches_of_another_format_are_left_to_datasets(root: Path) -> None:
    rows = nyxqa.load("triplets", root, split="train", images="bytes")
    ids = rows.select_columns(["query_id", "negative_ids"])
    assert next(ids.with_format("arrow").iter(2)).num_rows == 2
    given = next(rows.with_transform(lambda batch: {"name": batch["query_id"]}).iter(2))
    assert given == {"name": rows[:2]["query_id"]}


def test_rows_that_a_map_filled_in_part_are_joined_in_the_rest(root: Path) -> None:
    rows = nyxqa.load("triplets", root, split="train", images="bytes")
    whole = [row["positive"] for row in rows]
    mixed = rows.map(lambda row, number: row if number % 2 else {}, with_indices=True)
    mixed = joined_dataset.JoinedDataset(mixed.data, info=mixed.info)
    join = rows.format["format_kwargs"]["transform"]
    assert isinstance(join, Joiner)
    mixed.set_transform(join)
    assert [row["positive"] for row in mixed] == whole


@pytest.mark.parametrize("table", ["triplets", "qa", "mixture", "feedback"])
def test_pictures_of_rows_gone_by_are_let_go(root: Path, table: str) -> None:
    """Decoded pixels are a hundred times the encoded bytes, so no more than a block of them may be kept."""
    rows = datasets.concatenate_datasets([nyxqa.load(table, root)[split] for split in _splits(root, table)] * 8)
    rows = joined_dataset.JoinedDataset(rows.data, info=rows.info, fingerprint="repeated")
    rows.set_transform(nyxqa.load(table, root)[_splits(root, table)[0]].format["format_kwargs"]["transform"])
    alive: weakref.WeakValueDictionary[int, Image.Image] = weakref.WeakValueDictionary()
    seen, most, a_row = 0, 0, 0
    for row in rows:
        own = list(_pictures(row))
        alive.update({id(one): one for one in own})
        seen, most, a_row = seen + len(own), max(most, len(alive)), max(a_row, len(own))
    assert seen > 10 * a_row > 0
    # What a row holds, of this row and the one before, and of a block where a column is joined in blocks.
    assert most <= 5 * a_row


def test_rows_before_a_dangling_one_are_given(tmp_path: Path) -> None:
    tiny = tiny_dataset()
    rows = tiny.rows("triplets", "train")
    tiny.rows("triplets", "train")[2]["negative_ids"][1] = "0" * 32
    tiny.write(tmp_path / "out")
    read = iter(nyxqa.load("triplets", tmp_path / "out", split="train", images="bytes"))
    assert [next(read)["query_id"] for _ in range(2)] == [row["query_id"] for row in rows[:2]]
    with pytest.raises(LawError, match=rf"row triplets/{rows[2]['query_id']}: document 0{{32}} is in no pool"):
        next(read)


def _splits(root: Path, table: str) -> list[str]:
    return [split for split, rows in nyxqa.load(table, root).items() if len(rows)]


def _pictures(value: Any) -> Any:
    if isinstance(value, Image.Image):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _pictures(item)

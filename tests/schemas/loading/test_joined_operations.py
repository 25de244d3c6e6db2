"""What ``datasets`` does to joined rows works or is refused; it never gives rows without their documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow.parquet as pq
import pytest

import nyxqa
from nyxqa.schemas.errors import UsageError
from tests.support.dataset_cache import use_cache
from tests.support.tiny_dataset import tiny_dataset

Rows = datasets.Dataset
TABLES = ["triplets", "mixture", "feedback", "qa"]
DERIVED: dict[str, Callable[[Rows], Rows]] = {
    "loaded": lambda rows: rows,
    "select": lambda rows: rows.select([1, 0]),
    "select range": lambda rows: rows.select(range(1, 3)),
    "shuffle": lambda rows: rows.shuffle(seed=1),
    "filter": lambda rows: rows.filter(lambda row: True),
    "train_test_split": lambda rows: rows.train_test_split(test_size=1, seed=1)["train"],
    "map": lambda rows: rows.map(lambda row: {"n": 1}),
    "sort": lambda rows: rows.sort(rows.column_names[0]),
    "shard": lambda rows: rows.shard(2, 0),
    "take": lambda rows: rows.take(2),
    "flatten_indices": lambda rows: rows.select([1, 0]).flatten_indices(),
    "add_column": lambda rows: rows.add_column("n", [1] * len(rows)),
    "concatenate": lambda rows: datasets.concatenate_datasets([rows, rows.select([0])]),
    "interleave": lambda rows: datasets.interleave_datasets([rows, rows.select([0])]),
    "repeat": lambda rows: rows.repeat(2),
}
REFUSED: dict[str, Callable[[Rows, Path], object]] = {
    "to_pandas": lambda rows, _: rows.to_pandas(),
    "to_polars": lambda rows, _: rows.to_polars(),
    "to_parquet": lambda rows, out: rows.to_parquet(out / "a.parquet"),
    "to_csv": lambda rows, out: rows.to_csv(out / "a.csv"),
    "to_json": lambda rows, out: rows.to_json(out / "a.json"),
    "save_to_disk": lambda rows, out: rows.save_to_disk(out / "a"),
    "push_to_hub": lambda rows, _: rows.push_to_hub("user/name"),
    "to_iterable_dataset": lambda rows, _: rows.to_iterable_dataset(),
    "torch": lambda rows, _: rows.with_format("torch")[0],
    "numpy": lambda rows, _: rows.with_format("numpy")[0],
    "no format": lambda rows, _: rows.with_format(None)[0],
    "flatten": lambda rows, _: rows.flatten(),
    "rename_column": lambda rows, _: rows.rename_column(_content(rows), "other"),
    "rename_columns": lambda rows, _: rows.rename_columns({_content(rows): "other"}),
    "unique": lambda rows, _: rows.unique(_content(rows)),
}


def _content(rows: Rows) -> str:
    return next(name for name in ("positive", "candidates", "document") if name in rows.column_names)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("operations") / "out"
    tiny_dataset(full=True).write(folder)
    return folder


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cache(monkeypatch, tmp_path / "cache")
    datasets.disable_progress_bars()


def _load(root: Path, table: str, **options: Any) -> Rows:
    return nyxqa.load(table, root, split="test" if table == "qa" else "train", images="bytes", **options)


def _texts(value: Any) -> list[Any]:
    """The text of every query and document in a row, however deep."""
    if isinstance(value, dict):
        own = [value["text"]] if {"text", "images"} <= value.keys() else []
        return own + [text for item in value.values() for text in _texts(item)]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("derived", list(DERIVED))
@pytest.mark.parametrize("table", TABLES)
def test_derived_rows_hold_their_documents(root: Path, table: str, derived: str) -> None:
    rows = _load(root, table)
    key = "qa_id" if table == "qa" else "query_id"
    expected = {row[key]: _texts(row) for row in rows}
    made = DERIVED[derived](rows)
    assert len(made)
    for given in (list(made), made.to_list(), [made[i] for i in range(len(made))], list(made.iter(1))):
        for row in given:
            row = {name: value[0] if isinstance(row[key], list) else value for name, value in row.items()}
            assert _texts(row) == expected[row[key]]
            assert None not in _texts(row)


@pytest.mark.parametrize("refused", list(REFUSED))
@pytest.mark.parametrize("derived", ["loaded", "select", "shuffle", "filter", "train_test_split", "concatenate"])
def test_what_would_lose_documents_is_refused(root: Path, tmp_path: Path, derived: str, refused: str) -> None:
    rows = DERIVED[derived](_load(root, "triplets"))
    with pytest.raises(UsageError, match=r"joined on access.*nyxqa\.load\(\.\.\., join='whole'\)"):
        REFUSED[refused](rows, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []


def test_columns_that_hold_all_they_show_are_converted(root: Path) -> None:
    rows = _load(root, "triplets").select_columns(["query_id", "query", "negative_ids"])
    frame = rows.to_pandas()
    assert list(frame["query_id"]) == list(rows["query_id"])
    assert [query["text"] for query in frame["query"]] == [query["text"] for query in rows["query"]]
    renamed = _load(root, "triplets").rename_column("answers", "gold")
    assert renamed[0]["gold"] and renamed[0]["positive"]["text"]


def test_sets_of_two_datasets_are_concatenated_and_interleaved(root: Path, tmp_path: Path) -> None:
    tiny_dataset(seed=1, full=True).write(tmp_path / "other")
    first, second = _load(root, "triplets"), _load(tmp_path / "other", "triplets")
    both = datasets.concatenate_datasets([first, second])
    assert [_texts(row) for row in both] == [_texts(row) for row in [*first, *second]]
    mixed = datasets.interleave_datasets([first, second])
    assert [_texts(row) for row in mixed.take(2)] == [_texts(first[0]), _texts(second[0])]
    with pytest.raises(UsageError, match="join='whole'"):
        both.to_pandas()


def test_sets_of_two_splits_loaded_apart_are_concatenated(root: Path) -> None:
    train, test = _load(root, "triplets"), nyxqa.load("triplets", root, split="test", images="bytes")
    both = datasets.concatenate_datasets([train, test])
    assert [_texts(row) for row in both] == [_texts(row) for row in [*train, *test]]


def test_sets_that_give_images_in_two_ways_are_not_concatenated(root: Path) -> None:
    with pytest.raises(UsageError, match="same images= and max_negatives="):
        datasets.concatenate_datasets([_load(root, "triplets"), _load(root, "triplets", max_negatives=1)])


def test_mixtures_of_two_datasets_are_not_concatenated(root: Path, tmp_path: Path) -> None:
    tiny_dataset(seed=1, full=True).write(tmp_path / "other")
    with pytest.raises(UsageError, match="mixture and feedback of several datasets"):
        datasets.concatenate_datasets([_load(root, "mixture"), _load(tmp_path / "other", "mixture")])


@pytest.mark.parametrize("images", ["decode", "bytes", "none"])
@pytest.mark.parametrize("table", TABLES)
def test_whole_rows_are_the_joined_rows(root: Path, table: str, images: Any) -> None:
    split = "test" if table == "qa" else "train"
    joined = nyxqa.load(table, root, split=split, images=images)
    whole = nyxqa.load(table, root, split=split, images=images, join="whole")
    assert type(whole) is datasets.Dataset
    assert whole.column_names == joined.column_names
    for given, expected in zip(whole, joined, strict=True):
        assert _comparable(given) == _comparable(expected)


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _comparable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    return value.tobytes() if hasattr(value, "tobytes") else value


def test_whole_rows_can_be_written_and_converted(root: Path, tmp_path: Path) -> None:
    whole = nyxqa.load("triplets", root, split="train", join="whole", max_negatives=1)
    texts = [row["positive"]["text"] for row in whole]
    whole.to_parquet(tmp_path / "a.parquet")
    assert [row["text"] for row in pq.read_table(tmp_path / "a.parquet").column("positive").to_pylist()] == texts
    again = datasets.load_dataset("parquet", data_files=str(tmp_path / "a.parquet"), split="train")
    assert [row["positive"]["text"] for row in again] == texts
    frame = whole.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert [row["text"] for row in frame["positive"]] == texts
    assert [row["positive"]["text"] for row in whole.to_polars().to_dicts()] == texts
    assert [row["positive"]["text"] for row in whole.to_list()] == texts
    assert [len(row["negatives"]) for row in whole] == [min(1, len(row["negative_ids"])) for row in whole]
    whole.save_to_disk(tmp_path / "saved")
    assert [row["positive"]["text"] for row in datasets.load_from_disk(tmp_path / "saved")] == texts
    assert whole.rename_column("positive", "document")[0]["document"]["text"] == texts[0]
    assert len(datasets.concatenate_datasets([whole, whole])) == 2 * len(whole)
    assert [row["positive"]["text"] for row in whole.to_iterable_dataset()] == texts
    assert whole.select_columns(["query_id"]).with_format("numpy")[0]["query_id"] == whole[0]["query_id"]


def test_whole_is_refused_in_a_stream_and_other_words_are_unknown(root: Path) -> None:
    with pytest.raises(UsageError, match="streaming=True needs join=False"):
        nyxqa.load("triplets", root, join="whole", streaming=True)
    unknown: Any = "full"
    with pytest.raises(UsageError, match="join='full'; valid: True, False, 'whole'"):
        nyxqa.load("triplets", root, join=unknown)

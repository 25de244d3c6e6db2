"""``frame``: the stored rows as polars sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

import nyxqa
from nyxqa.schemas import writing
from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.tables import TABLES
from tests.support.tiny_dataset import TinyDataset


def _stored(root: Path, table: str) -> list[dict[str, Any]]:
    """Rows of the Parquet files without images, with the split that the file's name says."""
    label = "pool" if table == "corpus" else "split"
    order = TABLES[table].splits or tuple(
        sorted({file.name.split("-")[0] for file in (root / "data" / table).iterdir()})
    )
    rows = []
    for split in order:
        for file in sorted((root / "data" / table).glob(f"{split}-*.parquet")):
            rows += [{label: split, **_pruned(row)} for row in pq.read_table(file).to_pylist()]
    return rows


def _pruned(value: Any) -> Any:
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    if isinstance(value, dict):
        return {
            name: _pruned(item) for name, item in value.items() if not name.endswith("images") or name == "no_images"
        }
    return value


@pytest.mark.parametrize("table", list(TABLES))
def test_rows_are_the_stored_ones_without_images(table: str, root: Path) -> None:
    rows = nyxqa.frame(table, root)
    assert isinstance(rows, pl.LazyFrame)
    assert rows.collect().to_dicts() == _stored(root, table)


def test_several_files_of_one_split_are_read_in_order(
    tmp_path: Path, tiny: TinyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "FILE_BYTES", 1)
    monkeypatch.setattr(writing, "IMAGE_GROUP_ROWS", 2)
    tiny.write(tmp_path / "out")
    assert len(list((tmp_path / "out" / "data" / "triplets").glob("train-*.parquet"))) > 1
    assert nyxqa.frame("triplets", tmp_path / "out").collect().to_dicts() == _stored(tmp_path / "out", "triplets")


@pytest.mark.parametrize("table", list(TABLES))
def test_a_table_without_files_has_no_rows_and_the_same_columns(table: str, tmp_path: Path, tiny: TinyDataset) -> None:
    tiny.write(tmp_path / "full")
    expected = nyxqa.frame(table, tmp_path / "full").collect_schema()
    emptied = {name: splits for name, splits in tiny.tables.items() if name != table}
    TinyDataset(emptied).write(tmp_path / "without")
    assert not list((tmp_path / "without" / "data").glob(f"{table}/*"))
    rows = nyxqa.frame(table, tmp_path / "without").collect()
    assert rows.is_empty()
    assert rows.schema == expected


def test_the_folder_is_found_as_load_finds_it(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NYXQA_DATA", str(root))
    assert nyxqa.frame().collect().height == len(_stored(root, "triplets"))
    monkeypatch.setenv("NYXQA_DATA", str(tmp_path / "nothing"))
    with pytest.raises(FormatError, match=r"build it with: python -m nyxqa\.build"):
        nyxqa.frame("qa")


def test_an_unknown_table_is_named_with_the_nearest(root: Path) -> None:
    with pytest.raises(UsageError, match=r"'triplet'; did you mean 'triplets'\?"):
        nyxqa.frame("triplet", root)

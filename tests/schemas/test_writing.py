"""Writing published tables."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from nyxqa.schemas import writing
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.tables import CORPUS, LEDGER, PREVIEW, QA, TABLES, TRIPLETS, published_schema
from nyxqa.schemas.writing import check_row, file_hash, write_split
from tests.support.tiny_dataset import document, tiny_dataset


def test_rows_come_back_in_their_order_with_metadata(tmp_path: Path) -> None:
    rows = tiny_dataset().rows("corpus", "web")
    files = write_split(CORPUS, "web", rows, tmp_path)
    ((path, entry),) = files.items()
    assert path == "data/corpus/web-00000-of-00001.parquet"
    assert entry.rows == len(rows)
    assert entry.sha256 == hashlib.sha256((tmp_path / path).read_bytes()).hexdigest() == file_hash(tmp_path / path)
    table = pq.read_table(tmp_path / path)
    assert table.to_pylist() == rows
    assert table.schema.equals(CORPUS.schema)
    assert table.schema.metadata == published_schema(CORPUS.schema).metadata
    column = pq.ParquetFile(tmp_path / path).metadata.row_group(0).column(0)
    assert (column.compression, column.has_offset_index) == ("ZSTD", True)


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    first, second = (
        write_split(CORPUS, "web", iter(tiny_dataset().rows("corpus", "web")), tmp_path / name) for name in "ab"
    )
    assert first == second


def test_no_rows_no_files(tmp_path: Path) -> None:
    assert write_split(LEDGER, "rows", [], tmp_path) == {}
    assert list(tmp_path.rglob("*")) == []


def test_row_groups_with_images_stay_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [document(0, "train", number, images=1) for number in range(205)]
    ((path, _),) = write_split(CORPUS, "web", rows, tmp_path / "a").items()
    assert _groups(tmp_path / "a" / path) == [100, 100, 5]
    monkeypatch.setattr(writing, "IMAGE_GROUP_BYTES", 3 * len(rows[0]["images"][0]["bytes"]) + 60)
    ((path, _),) = write_split(CORPUS, "web", rows[:7], tmp_path / "b").items()
    assert _groups(tmp_path / "b" / path) == [3, 3, 1]


def _groups(file: Path) -> list[int]:
    metadata = pq.read_metadata(file)
    return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


def test_a_long_split_is_cut_into_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "FILE_BYTES", 1)
    monkeypatch.setattr(writing, "IMAGE_GROUP_ROWS", 4)
    rows = tiny_dataset().rows("corpus", "web")[:10]
    files = write_split(CORPUS, "web", rows, tmp_path)
    assert list(files) == [f"data/corpus/web-0000{i}-of-00003.parquet" for i in range(3)]
    assert [entry.rows for entry in files.values()] == [4, 4, 2]
    assert [row for path in files for row in pq.read_table(tmp_path / path).to_pylist()] == rows
    assert sorted(path.name for path in (tmp_path / "data/corpus").iterdir()) == [Path(path).name for path in files]


def _row(table: str, **changes: Any) -> dict[str, Any]:
    rows = tiny_dataset().tables[table]
    row = next(iter(rows.values()))[1]
    return {**row, **changes}


_PICTURE = {"bytes": b"x", "path": None}


@pytest.mark.parametrize(
    ("table", "changes", "message"),
    [
        ("corpus", {"text": None}, "column 'text' is missing or null"),
        ("corpus", {"text": "<|image|><|image|>"}, "2 placeholders but 1 images"),
        ("corpus", {"image_ids": []}, "'images' and 'image_ids' differ in length: 1 and 0"),
        ("corpus", {"captions": ["a", "b"]}, "'images' and 'captions' differ in length: 1 and 2"),
        ("qa", {"question": "<|image|>", "images": []}, "1 placeholders but 0 images"),
        ("qa", {"question": "<|image|>", "images": [_PICTURE], "image_ids": []}, "'images' and 'image_ids'"),
        ("triplets", {"query": "<|image|>", "query_images": []}, "1 placeholders but 0 images"),
        ("triplets", {"negative_ranks": [1]}, "'negative_ids' and 'negative_ranks' differ in length: 3 and 1"),
        ("triplets", {"negative_scores": []}, "'negative_ids' and 'negative_scores' differ in length: 3 and 0"),
        ("corpus", {"caption_origins": []}, "'images' and 'caption_origins' differ in length: 1 and 0"),
        ("preview", {"positive": "<|image|>", "positive_images": []}, "1 placeholders but 0 images"),
        ("preview", {"negative_3": "<|image|>", "negative_3_images": []}, "1 placeholders but 0 images"),
    ],
)
def test_rows_that_break_a_law_are_refused(table: str, changes: dict[str, Any], message: str) -> None:
    row = _row(table)
    check_row(TABLES[table], row)
    broken = {**row, **changes}
    with pytest.raises(LawError, match=f"table {table}, row [0-9a-f]{{32}}: .*") as caught:
        check_row(TABLES[table], broken)
    assert message in str(caught.value)


def test_a_broken_row_publishes_nothing(tmp_path: Path) -> None:
    rows = [*tiny_dataset().rows("qa", "train"), {"qa_id": "f" * 32}]
    with pytest.raises(LawError, match=f"table qa, row {'f' * 32}: column 'question' is missing"):
        write_split(QA, "train", rows, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith(".")]


def test_nullable_columns_may_be_null() -> None:
    names = {table.name: sorted(table.nullable) for table in (CORPUS, QA, TRIPLETS, PREVIEW)}
    assert names == {
        "corpus": ["external_id", "language", "license", "title", "url"],
        "qa": ["evidence"],
        "triplets": [],
        "preview": [f"negative_{number}_score" for number in (1, 2, 3)],
    }
    check_row(CORPUS, _row("corpus", url=None, license=None, title=None, language=None, external_id=None))
    check_row(QA, _row("qa", evidence=None))

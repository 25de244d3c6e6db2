"""The containers of row files: JSON lines and lists, CSV and TSV, Parquet."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files import text_files
from nyxqa.builders.row_files.compression import numbered_lines
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.builders.row_files.text_files import padded_rows
from nyxqa.schemas.errors import WorldError

ROWS = [{"id": "1", "text": "a"}, {"id": "2", "text": "b\u00e9"}]


def write(path: Path) -> Path:
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    table = "\n".join(["id,text", *(",".join(row.values()) for row in ROWS)])
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
        return path
    text = {"l": lines, "j": json.dumps(ROWS), "c": table, "t": table.replace(",", "\t")}[path.name[0]]
    data = text.encode("utf-8-sig")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize(
    "name", ["l.jsonl", "l.jsonl.gz", "j.json", "j.json.gz", "c.csv", "c.csv.gz", "t.tsv", "p.parquet"]
)
def test_every_container_holds_the_same_rows(name: str, tmp_path: Path) -> None:
    assert list(file_rows(write(tmp_path / name))) == [Row(name, number, row) for number, row in enumerate(ROWS)]


def test_malformed_rows_are_drops(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1\n2,b\n")
    first, second = file_rows(tmp_path / "a.csv")
    assert first == Drop("row", "a.csv:0", "", "bad_row", "1 cells under 2 columns")
    assert second == Row("a.csv", 1, {"id": "2", "text": "b"})


def test_a_line_that_is_too_long_is_a_drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "numbered_lines", lambda stream: numbered_lines(stream, 20))
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n' + json.dumps({"id": "x" * 100}) + '\n\n{"id": 2}')
    rows: list[Any] = list(file_rows(tmp_path / "a.jsonl"))
    assert [row.name if isinstance(row, Row) else row.reason for row in rows] == ["a.jsonl:0", "too_large", "a.jsonl:2"]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_lines_are_numbered_with_blank_ones(ending: str) -> None:
    text = f"a\n\n{'b' * 9}\nc{ending}"
    expected = [(0, "a\n", 2), (2, None, 10), (3, f"c{ending}", 1 + len(ending))]
    assert list(numbered_lines(io.StringIO(text, newline=""), 5)) == expected
    encoded = [(number, line and line.encode(), length) for number, line, length in expected]
    assert list(numbered_lines(io.BytesIO(text.encode()), 5)) == encoded


def test_padded_rows_fill_and_collect_cells() -> None:
    rows = list(padded_rows(io.StringIO("a\tb\n1\n\n1\t2\t3\n"), "\t"))
    assert rows == [{"a": "1", "b": ""}, {"a": "1", "b": "2", "more": ["3"]}]


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl.gz", b"no gzip"), ("a.jsonl", b"\xff\xfe"), ("a.parquet", b"x")]
)
def test_unreadable_files_are_errors(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WorldError, match=f"{name} cannot be read to its end"):
        list(file_rows(tmp_path / name))


@pytest.mark.parametrize("name", ["a.JSONL.GZ", "a.jsonl", "a.Zst"])
def test_compressed_files_are_known_whatever_their_name(name: str, tmp_path: Path) -> None:
    data = json.dumps(ROWS).encode()
    (tmp_path / name).write_bytes(
        pa.compress(data, "zstd", asbytes=True) if "Z" in name[-3:-2] else gzip.compress(data)
    )
    assert list(file_rows(tmp_path / name)) == [Row(name, number, row) for number, row in enumerate(ROWS)]

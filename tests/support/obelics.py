"""Made Parquet files of OBELICS columns, and a file system that counts what is read of them."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from nyxqa.schemas.chance import keyed_hash

_S = pa.string()
SCHEMA = pa.schema(
    [("images", pa.list_(_S)), ("metadata", _S), ("general_metadata", _S), ("texts", pa.list_(_S)), ("extra", _S)]
)


def obelics_row(number: int, letters: int = 40) -> dict[str, Any]:
    """A row of a text with ``letters`` letters that no compression makes much smaller, and of an image."""
    words = "".join(f"{keyed_hash(0, 'row', f'{number}:{index}'):x} " for index in range(letters // 16))
    return {
        "texts": [f"Text {number}. {words}", None],
        "images": [None, f"https://img.example/{number}.jpg"],
        "metadata": json.dumps([None, {"alt_text": f"Caption {number}", "src": "x", "rendered_width": "50%"}]),
        "general_metadata": json.dumps({"url": f"https://example.org/{number}", "warc_filename": "w", "odd": {}}),
        "extra": "column of no interest " * 20,
    }


def write_obelics(file: Path, rows: Iterable[dict[str, Any]], group: int, schema: pa.Schema = SCHEMA) -> Path:
    """Rows as one file in row groups of ``group`` rows."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), file, row_group_size=group)
    return file


def write_many(file: Path, groups: int, letters: int) -> Path:
    """A file of ``groups`` row groups of 100 rows, whose texts of ``letters`` letters no compression makes smaller."""
    texts = [base64.b85encode(random.Random(row).randbytes(letters * 4 // 5)).decode() for row in range(100)]
    file.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(file, SCHEMA) as writer:
        for first in range(0, 100 * groups, 100):
            rows = range(first, first + 100)
            columns = {
                "images": [[None, f"https://img.example/{row}.jpg"] for row in rows],
                "metadata": ['[null, {"alt_text": "Caption"}]'] * 100,
                "general_metadata": [f'{{"url": "https://example.org/{row}"}}' for row in rows],
                "texts": [[f"Text {row}. {text}", None] for row, text in zip(rows, texts, strict=True)],
                "extra": ["column of no interest"] * 100,
            }
            writer.write_table(pa.table(columns, schema=SCHEMA))
    return file


class CountingFiles(LocalFileSystem):  # type: ignore[misc]
    """Local files; ``read`` counts the bytes that left them."""

    cachable = False
    read = 0

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        opened = super().open(path, mode, **options)
        return _Counted(opened)


class _Counted:
    def __init__(self, opened: Any) -> None:
        self._opened = opened

    def read(self, *size: int) -> bytes:
        data: bytes = self._opened.read(*size)
        CountingFiles.read += len(data)
        return data

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)

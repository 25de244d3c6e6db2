"""Parquet files of an export, written row group by row group."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_ROWS = 100
_BYTES = 16 * 2**20


class ParquetPart:
    """One file; rows are kept until a group is full.

    :param features: The columns as ``datasets`` names them; the Arrow schema follows from it.
    """

    def __init__(self, path: Path, features: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.schema = features.arrow_schema
        self.rows = 0
        self._writer = pq.ParquetWriter(path, self.schema, compression="zstd", write_page_index=True)
        self._group: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, row: dict[str, Any]) -> None:
        """Append a row; values are as Parquet stores them."""
        self._group.append(row)
        self._bytes += _size(row)
        self.rows += 1
        if len(self._group) >= _ROWS or self._bytes >= _BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        self._writer.close()

    def __enter__(self) -> ParquetPart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _flush(self) -> None:
        if self._group:
            self._writer.write_table(pa.Table.from_pylist(self._group, self.schema), row_group_size=len(self._group))
        self._group, self._bytes = [], 0


def _size(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(_size(item) for item in value.values())
    return sum(_size(item) for item in value) if isinstance(value, list) else 8

"""Searching all files below a folder for bytes, inside compressed and columnar files as well."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"


def files_with(folder: Path, needles: Mapping[str, bytes]) -> dict[str, list[str]]:
    """For each needle that is found, the files that hold it, relative to ``folder``."""
    found: dict[str, list[str]] = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        contents = [*_contents(file), str(file.relative_to(folder)).encode()]
        for name, needle in needles.items():
            if any(needle in content for content in contents):
                found.setdefault(name, []).append(file.relative_to(folder).as_posix())
    return found


def _contents(file: Path) -> Iterator[bytes]:
    data = file.read_bytes()
    yield data
    if data[:2] == _GZIP:
        yield gzip.decompress(data)
    if data[:4] == _ZSTD:
        with pa.input_stream(file, compression="zstd") as stream:
            yield stream.read()
    if data[:4] == _PARQUET:
        table = pq.read_table(file)
        yield json.dumps([str(table.schema.metadata), *table.schema.names]).encode()
        for column in table.columns:
            yield from _values(column.to_pylist())


def _values(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, str):
        yield value.encode()
    elif isinstance(value, dict):
        for one in value.values():
            yield from _values(one)
    elif isinstance(value, list):
        for one in value:
            yield from _values(one)

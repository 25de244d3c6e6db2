"""The result of a query as text: an aligned table, JSON lines, or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TextIO

import pyarrow as pa

from nyxqa.builders.formatting import counted, shortened, text_table
from nyxqa.builders.report.views import Query, run_sql

Form = Literal["table", "json", "csv"]
CELL_WIDTH = 60  # characters of a table cell; JSON and CSV are not truncated


def print_sql(out: Path, query: str, form: Form, stream: TextIO, how: Query | None = None) -> None:
    """Write the result of ``query`` over the dataset in ``out``.

    :raises UsageError: If it is not one SELECT, DuckDB refuses it, or it takes too long.
    :raises FormatError: If there is no dataset, or it does not match its manifest.
    """
    answer = run_sql(out, query, how)
    if form == "csv":
        _write_csv(answer, stream)
        return
    lines = _json_lines(answer) if form == "json" else iter(_aligned(answer))
    for line in lines:
        stream.write(line + "\n")


def _json_lines(answer: pa.Table) -> Iterator[str]:
    for row in _rows(answer):
        yield json.dumps(dict(zip(answer.schema.names, row, strict=True)), ensure_ascii=False, default=str)


def _write_csv(answer: pa.Table, stream: TextIO) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(answer.schema.names)
    for row in _rows(answer):
        writer.writerow([_plain(value) for value in row])


def _aligned(answer: pa.Table) -> list[str]:
    rows = [[shortened(" ".join(_plain(value).split()), CELL_WIDTH) for value in row] for row in _rows(answer)]
    numbers = {index for index, column in enumerate(answer.schema) if _is_number(column.type)}
    if not answer.schema.names:
        return []
    return [*text_table(answer.schema.names, rows, numbers), f"({counted(len(rows), 'row')})"]


def _rows(answer: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in answer.to_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _plain(value: Any) -> str:
    """A cell: "" for null, JSON for lists and structs."""
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))

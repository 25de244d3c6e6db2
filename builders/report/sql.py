"""The result of a query as text: an aligned table, JSON lines, or CSV."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

import pyarrow as pa

from nyxqa.builders.formatting import counted, shortened, text_table
from nyxqa.builders.report.views import Query, run_sql
from nyxqa.builders.report.visible import one_visible_line

Form = Literal["table", "json", "csv"]
CELL_WIDTH = 60  # characters of a table cell where there is no terminal; JSON and CSV are not truncated
_GAP = 2  # spaces between columns
_NARROW = 8  # characters that a cell keeps where a terminal is too narrow for the table


def print_sql(out: Path, query: str, form: Form, stream: TextIO, how: Query | None = None) -> None:
    """Write the result of ``query`` over the dataset in ``out``.

    :raises UsageError: If it is not one SELECT, DuckDB refuses it, or it takes too long.
    :raises FormatError: If there is no dataset, or it does not match its manifest.
    """
    answer = run_sql(out, query, how)
    if form == "csv":
        _write_csv(answer, stream)
        return
    lines = _json_lines(answer) if form == "json" else iter(_aligned(answer, terminal_width(stream)))
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


def terminal_width(stream: TextIO) -> int | None:
    """Columns of the terminal that ``stream`` writes to, or of ``COLUMNS``; None if there is neither."""
    if stream.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    return None


def _aligned(answer: pa.Table, width: int | None) -> list[str]:
    rows = [[one_visible_line(_plain(value)) for value in row] for row in _rows(answer)]
    numbers = {index for index, column in enumerate(answer.schema) if _is_number(column.type)}
    if not answer.schema.names:
        return []
    columns = [[name, *cells] for name, *cells in zip(answer.schema.names, *rows, strict=True)]
    longest = [max(map(len, cells)) for cells in columns]
    widths = [min(one, CELL_WIDTH) for one in longest] if width is None else _fitted(longest, width)
    head, *body = zip(*([shortened(cell, widths[n]) for cell in cells] for n, cells in enumerate(columns)), strict=True)
    return [*text_table(head, body, numbers), f"({counted(len(rows), 'row')})"]


def _fitted(widths: Sequence[int], width: int) -> list[int]:
    """Widths of columns that fit together into ``width``: the widest are cut first, none below ``_NARROW``."""
    room = width - _GAP * (len(widths) - 1)
    limit = max(widths, default=0)
    while limit > _NARROW and sum(min(one, limit) for one in widths) > room:
        limit -= 1
    spare = room - sum(min(one, limit) for one in widths)
    fitted = []
    for one in widths:  # what the last step cut too much goes to the first columns that were cut
        more = max(min(spare, one - limit, 1), 0)
        spare -= more
        fitted.append(min(one, limit) + more)
    return fitted


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

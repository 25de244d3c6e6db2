"""Rows of CSV and TSV files, whose first line names the columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import IO

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.row import Row, malformed

DELIMITERS = {".csv": ",", ".tsv": "\t"}
# Characters of a field; the csv module's default of 128 Ki is less than an image in base64.
_LONGEST_FIELD = 1 << 27


def delimited_rows(source: str, stream: IO[str], delimiter: str) -> Iterator[Row | Drop]:
    """Yield the rows of a table; a row that has not one cell for each column is a drop."""
    records = _records(stream, delimiter)
    header = next(records, [])
    for number, cells in enumerate(records):
        if len(cells) == len(header):
            yield Row(source, number, dict(zip(header, cells, strict=True)))
        else:
            yield malformed(source, number, "bad_row", f"{len(cells)} cells under {len(header)} columns")


def padded_rows(stream: IO[str], delimiter: str) -> Iterator[dict[str, str | list[str]]]:
    """Yield the cells of each row that is not blank by column.

    Missing cells are the empty string; surplus cells are a list under ``more``.
    """
    records = _records(stream, delimiter)
    header = next(records, [])
    for cells in records:
        if cells:
            row: dict[str, str | list[str]] = dict.fromkeys(header, "")
            row.update(zip(header, cells, strict=False))
            if len(cells) > len(header):
                row["more"] = cells[len(header) :]
            yield row


def _records(stream: IO[str], delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(stream, delimiter=delimiter)
    while True:
        # The limit is one for the whole process, so it is raised only while a record is read.
        before = csv.field_size_limit(_LONGEST_FIELD)
        try:
            record = next(reader, None)
        finally:
            csv.field_size_limit(before)
        if record is None:
            return
        yield record

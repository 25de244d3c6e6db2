"""Rows of JSON lines, of a JSON list, and of CSV and TSV files, whose first line names the columns."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.compression import MAX_LINE, numbered_lines
from nyxqa.builders.row_files.row import Row, malformed
from nyxqa.schemas.errors import WorldError

_CHUNK = 1 << 20  # characters of a JSON list read at a time
# Characters of one JSON value in a list; far more than any row of a question set, so that a missing bracket is noticed.
_LONGEST_VALUE = 64 << 20
_SEPARATORS = re.compile(r"[\s,]*")

DELIMITERS = {".csv": ",", ".tsv": "\t"}
# Characters of a field; the csv module's default of 128 Ki is less than an image in base64.
_LONGEST_FIELD = 1 << 27


def json_rows(source: str, stream: IO[str]) -> Iterator[Row | Drop]:
    """Yield the rows of a JSON list if ``stream`` starts with a bracket, else of JSON lines.

    :param source: File name for the rows' names.
    :raises WorldError: If a list ends early or is not valid JSON.
    """
    yield from _list_rows(source, stream) if _starts_list(stream) else _line_rows(source, stream)


def _starts_list(stream: IO[str]) -> bool:
    """Whether the first character other than white space is a bracket; the stream is left at its start."""
    while (character := stream.read(1)) and character.isspace():
        pass
    stream.seek(0)
    return character == "["


def _line_rows(source: str, stream: IO[str]) -> Iterator[Row | Drop]:
    for number, (_, line, length) in enumerate(numbered_lines(stream)):
        if line is None:
            yield malformed(source, number, "too_large", f"{length} characters, at most {MAX_LINE} are read")
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield malformed(source, number, "bad_json", str(error))
        else:
            yield _row(source, number, value)


def _list_rows(source: str, stream: IO[str]) -> Iterator[Row | Drop]:
    """Yield the items of a JSON list without holding the list in memory."""
    decoder = json.JSONDecoder()
    buffer = stream.read(_CHUNK).lstrip()
    at, number = 1, 0
    while True:
        separators = _SEPARATORS.match(buffer, at)
        at = separators.end() if separators else at
        if buffer.startswith("]", at):
            return
        try:
            value, end = decoder.raw_decode(buffer, at)
        except ValueError as error:
            more = stream.read(_CHUNK)
            if not more or len(buffer) - at > _LONGEST_VALUE:
                raise WorldError(f"{source}, row {number}: the JSON list is truncated or malformed: {error}") from error
            buffer, at = buffer[at:] + more, 0
            continue
        yield _row(source, number, value)
        at = end
        number += 1


def _row(source: str, number: int, value: Any) -> Row | Drop:
    if isinstance(value, dict):
        return Row(source, number, value)
    return malformed(source, number, "bad_row", f"expected an object, found {type(value).__name__}")


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

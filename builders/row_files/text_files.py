"""Rows of JSON lines and of a JSON list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.row import Row, malformed
from nyxqa.builders.row_files.streams import MAX_LINE, numbered_lines
from nyxqa.schemas.errors import WorldError

_CHUNK = 1 << 20  # characters of a JSON list read at a time
# Characters of one JSON value in a list; far more than any row of a question set, so that a missing bracket is noticed.
_LONGEST_VALUE = 64 << 20
_SEPARATORS = re.compile(r"[\s,]*")


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

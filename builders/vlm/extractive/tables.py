"""Questions about the rows of a table, whose cells stand beside each other with " | " between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from nyxqa.builders.vlm.extractive.cloze import Cloze
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.words import words

_MAX_ANSWER_WORDS, _MAX_TITLE_WORDS, _MAX_HEADER_WORDS = 5, 8, 4
_FIRST_PLACE = 10_000  # tables come behind all sentences
_ARGUMENTS = re.compile(r"\(.*\)$")
_DRAWN = re.compile(r"[\\/<>_]{1,2}\s*$|^\W*$|\s{3,}")
_NUMERIC = re.compile(r"^[\W\d]*\d[\d.,:%\s]*\w{0,3}$")


def table_questions(text: str, title: str | None) -> Iterator[Cloze]:
    """Which row a description is of, and what stands in a column of a row; the title says which table."""
    name = " ".join((title or "").split())
    if not name or len(words(name)) > _MAX_TITLE_WORDS or '"' in name:
        return
    place = _FIRST_PLACE
    for rows in _tables(text):
        if any(_DRAWN.search(cell) for row in rows for cell in row):
            continue
        yield from _of_table(rows, name, place)
        place += len(rows)


def same_column(text: str, answer: str) -> Iterator[str]:
    """The other cells of the columns of a document's tables in which ``answer`` is a cell."""
    for rows in _tables(text):
        below = rows[1:] if len(rows) > 2 and _is_header(rows) else rows
        for column in range(max(map(len, below))):
            cells = [_ARGUMENTS.sub("", row[column]).strip() if column < len(row) else "" for row in below]
            if answer in cells:
                yield from (cell for cell in cells if cell != answer and _is_answer(cell))


def _tables(text: str) -> Iterator[list[list[str]]]:
    """The cells of each table, row by row."""
    lines = text.replace(PLACEHOLDER, "\n").split("\n")
    for is_table, group in groupby(lines, key=lambda line: " | " in line):
        if is_table:
            yield [[cell.strip() for cell in line.split(" | ")] for line in group]


def _of_table(rows: list[list[str]], name: str, place: int) -> Iterator[Cloze]:
    keys = [_ARGUMENTS.sub("", row[0]).strip() for row in rows]
    header = rows[0] if len(rows) > 2 and _is_header(rows) else None
    for number, (key, row) in enumerate(zip(keys, rows, strict=True)):
        if not key or keys.count(key) > 1 or len(words(key)) > _MAX_ANSWER_WORDS + 2 or (header and not number):
            continue
        if header is not None and len(row) == len(header):
            for column, cell in list(zip(header, row, strict=True))[1:]:
                if _is_answer(cell) and cell.lower() not in key.lower():
                    asked = f"In the table of \u201c{name}\u201d, what is the {column} of {key}?"
                    yield Cloze(asked, cell, "cell", 6.5, place + number)
        elif len(row) == 2 and _describes(row[1]) and _is_answer(key) and not _shares_word(key, row[1]):
            asked = f"Which entry of \u201c{name}\u201d is described as \u201c{row[1].rstrip('.')}\u201d?"
            yield Cloze(asked, key, "entry", 6.5, place + number)


def _is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: short, without numbers, over rows of as many cells that differ from it."""
    first = rows[0]
    named = all(cell and len(words(cell)) <= _MAX_HEADER_WORDS and not re.search(r"\d|\.$", cell) for cell in first)
    return named and len(set(first)) == len(first) > 1 and all(len(row) == len(first) for row in rows)


def _is_answer(cell: str) -> bool:
    return 1 <= len(words(cell)) <= _MAX_ANSWER_WORDS and "..." not in cell and not cell.startswith(("(", "_"))


def _describes(cell: str) -> bool:
    return 4 <= len(words(cell)) <= 30 and not _NUMERIC.match(cell) and not re.search(r"[;\u2026]|\(\)", cell)


def _shares_word(key: str, description: str) -> bool:
    """Whether the description spells the key, whole or but for its last part."""
    last = key.rpartition(".")[2].lower().replace("_", " ")
    return last in description.lower()

"""Tables without rules: lines of a region whose words are under one another in columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from nyxqa.builders.sources.pdf.geometry import union
from nyxqa.builders.sources.pdf.lines import Line
from nyxqa.builders.sources.pdf.paragraphs import ITEM
from nyxqa.builders.sources.pdf.tables import Table, aligned_rows, table_of
from nyxqa.builders.sources.pdf.words import Word

_FEWEST_LINES = 3
_GAP = 1.5  # of the size, between columns
_LONGEST_CELL = 6  # words of most cells; more is prose
_LEADER = re.compile(r"(?:\.\s?){4}|_{4}")
_SAME = 2.0  # points


def divided(lines: Sequence[Line], vocabulary: Counter[str]) -> Iterator[tuple[Sequence[Line], Table | None]]:
    """The lines of a region in pieces, each with the table that stands before it."""
    begin, table = 0, None
    for first, end in _runs(lines):
        last = end
        while last < len(lines) and _is_last_cells(lines[first:last], lines[last]):
            last += 1
        found = _table(lines[first:last], vocabulary)
        if found is not None:
            yield lines[begin:first], table
            begin, table = last, found
    yield lines[begin:], table


def _runs(lines: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """Where consecutive lines have wide gaps and are about equally far apart."""
    first = 0
    for index in range(len(lines) + 1):
        if (
            index < len(lines)
            and _is_row(lines[index])
            and (index == first or _is_next(lines[index - 1], lines[index]))
        ):
            continue
        if index - first >= _FEWEST_LINES:
            yield first, index
        first = index if index < len(lines) and _is_row(lines[index]) else index + 1


def _is_next(line: Line, later: Line) -> bool:
    return later.baseline - line.baseline < 3 * line.size and abs(later.size - line.size) < 0.2 * line.size


def _is_row(line: Line) -> bool:
    """Whether a line has a wide gap behind something that is neither the mark of an item nor a row of dots."""
    pieces = _pieces(line)
    return len(pieces) > 1 and not _LEADER.search(line.text) and not ITEM.fullmatch(pieces[0][-1].text)


def _is_last_cells(rows: Sequence[Line], line: Line) -> bool:
    """Whether a line has a cell of later columns alone, such as a total."""
    second = min(_pieces(row)[1][0].box.left for row in rows if len(_pieces(row)) > 1)
    return _is_next(rows[-1], line) and line.box.left >= second - _SAME and len(line.words) <= _LONGEST_CELL


def _pieces(line: Line) -> list[list[Word]]:
    pieces = [[line.words[0]]]
    for word, later in pairwise(line.words):
        if later.box.left - word.box.right >= _GAP * line.size:
            pieces.append([])
        pieces[-1].append(later)
    return pieces


def _table(lines: Sequence[Line], vocabulary: Counter[str]) -> Table | None:
    """The table of lines that have gaps; None where their columns do not start or end at one place."""
    pieces = [_pieces(line) for line in lines]
    if _is_typewritten(lines) or _is_numbered(pieces) or _is_drawn(pieces):
        return None
    lengths = sorted(len(piece) for line in pieces for piece in line)
    if lengths[len(lengths) // 2] > _LONGEST_CELL:
        return None
    edges = [(piece[0].box.left, piece[-1].box.right) for line in pieces for piece in line[1:]]
    kept = sum(
        any(
            abs(left - other[0]) <= _SAME or abs(right - other[1]) <= _SAME for other in edges if other != (left, right)
        )
        for left, right in edges
    )
    rows = aligned_rows(lines, vocabulary) if kept >= 0.6 * len(edges) else None
    if rows is None:
        return None
    return table_of(rows, union(line.box for line in lines), [word for line in lines for word in line.words])


def _is_numbered(rows: Sequence[Sequence[Sequence[Word]]]) -> bool:
    """Whether lines have their numbers in front, as in listings of programs."""
    first = [row[0][0].text for row in rows if len(row) == 2 and len(row[0]) == 1]
    numbers = [int(text) for text in first if text.isascii() and text.isdigit()]
    return len(numbers) >= 0.6 * len(rows) and all(later - one == 1 for one, later in pairwise(numbers))


def _is_drawn(rows: Sequence[Sequence[Sequence[Word]]]) -> bool:
    """Whether most cells have no letter and no digit, as in drawings made of characters."""
    cells = [any(c.isalnum() for word in piece for c in word.text) for row in rows for piece in row]
    return 2 * sum(cells) < len(cells)


def _is_typewritten(lines: Sequence[Line]) -> bool:
    """Whether all letters are equally wide, as in listings of programs, which stay as they are."""
    widths = [word.box.width / len(word.text) for line in lines for word in line.words if len(word.text) > 2]
    return len(widths) > 3 and max(widths) - min(widths) < 0.04 * max(widths)

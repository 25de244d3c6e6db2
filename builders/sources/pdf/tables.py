"""Which words of a sheet are the cells of a table: between its rules, or under one another without any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from nyxqa.builders.sources.cleaning import table_row
from nyxqa.builders.sources.pdf.geometry import Box, clusters, union
from nyxqa.builders.sources.pdf.lines import Line, as_lines
from nyxqa.builders.sources.pdf.paragraphs import joined
from nyxqa.builders.sources.pdf.words import Word

_TOUCHING = 3.0  # points between rules that meet
_MOST_CELLS = 5_000
_FEWEST_WORDS = 3
_GAP = 0.9  # of the size, between columns
_ROWS_APART = 1.25  # times the closest lines


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table as lines, its box, and the words in it by their order."""

    text: str
    box: Box
    words: frozenset[int]


def tables(rules: Sequence[Box], words: Sequence[Word], vocabulary: Counter[str]) -> list[Table]:
    """The tables of a sheet that rules show, from top to bottom.

    :param rules: Horizontal and vertical lines.
    :param words: Upright words.
    :param vocabulary: Words of the file, by which a hyphen at a line end is kept or not.
    """
    across = [box for box in rules if box.width >= box.height]
    down = [box for box in rules if box.width < box.height]
    found = []
    for group in clusters([*across, *down], _TOUCHING):
        table = _ruled([[*across, *down][index] for index in group], words, vocabulary)
        if table is not None:
            found.append(table)
    taken = frozenset(order for table in found for order in table.words)
    free = [word for word in words if word.order not in taken]
    found += _between_lines([box for box in across if not any(t.box.near(box, 1.0) for t in found)], free, vocabulary)
    return sorted(found, key=lambda table: table.box.top)


def _ruled(group: Sequence[Box], words: Sequence[Word], vocabulary: Counter[str]) -> Table | None:
    """The table of rules that touch each other; None where they are no grid of at least two columns."""
    across = [box for box in group if box.width >= box.height]
    down = [box for box in group if box.width < box.height]
    xs, ys = _merged([_x(box) for box in down]), _merged([_y(box) for box in across])
    if xs and ys:  # a table may be open at its sides
        xs = _with_ends(xs, min(box.left for box in across), max(box.right for box in across))
        ys = _with_ends(ys, min(box.top for box in down), max(box.bottom for box in down))
    if len(xs) < 3 or len(ys) < 2 or len(xs) * len(ys) > _MOST_CELLS:
        return None
    box = Box(xs[0], ys[0], xs[-1], ys[-1])
    inside = [word for word in words if box.holds(word.box)]
    if len(inside) < _FEWEST_WORDS:
        return None
    owner = _spans(xs, ys, across, down)
    cells: dict[tuple[int, int], list[Word]] = {}
    for word in inside:
        place = (_slot(ys, (word.box.top + word.box.bottom) / 2), _slot(xs, (word.box.left + word.box.right) / 2))
        cells.setdefault(owner[place], []).append(word)
    rows = [
        [_text(cells.get((row, column), []), vocabulary) for column in range(len(xs) - 1)] for row in range(len(ys) - 1)
    ]
    if len({column for _, column in cells}) < 2 or _is_listing(cells):
        return None
    return table_of(rows, box, inside)


def _is_listing(cells: dict[tuple[int, int], list[Word]]) -> bool:
    """Whether almost all text is in one cell, as in a frame around a program."""
    counts = sorted(map(len, cells.values()))
    return len(counts) < 3 and counts[-1] > 20 * max(1, sum(counts[:-1]))


def _spans(
    xs: Sequence[float], ys: Sequence[float], across: Sequence[Box], down: Sequence[Box]
) -> dict[tuple[int, int], tuple[int, int]]:
    """For each cell of the grid the first cell of that which it is part of."""
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    for row, (top, bottom) in enumerate(pairwise(ys)):
        for column, (left, right) in enumerate(pairwise(xs)):
            x, y = (left + right) / 2, (top + bottom) / 2
            owner[row, column] = (row, column)
            if column and not any(abs(_x(one) - left) <= _TOUCHING and one.top <= y <= one.bottom for one in down):
                owner[row, column] = owner[row, column - 1]
            elif row and not any(abs(_y(one) - top) <= _TOUCHING and one.left <= x <= one.right for one in across):
                owner[row, column] = owner[row - 1, column]
    return owner


def _between_lines(across: Sequence[Box], words: Sequence[Word], vocabulary: Counter[str]) -> list[Table]:
    """Tables whose rules are horizontal alone: equally wide ones above one another, with columns of words between."""
    found: list[Table] = []
    pending = sorted(across, key=lambda box: box.top)
    while pending:
        first = pending.pop(0)
        group = [first]
        for box in pending:
            is_equal = abs(box.left - first.left) <= _TOUCHING and abs(box.right - first.right) <= _TOUCHING
            if is_equal and box.top - group[-1].top < 400:
                group.append(box)
        box = union(group)
        inside = [word for word in words if box.holds(word.box)]
        if len(group) >= 2 and inside:
            inside, box = _with_head(inside, box, words)
        rows = aligned_rows(as_lines(inside), vocabulary, [_y(rule) for rule in group]) if len(group) >= 2 else None
        if rows is not None:
            found.append(table_of(rows, box, inside))
            pending = [one for one in pending if not box.near(one, 0.0)]
    return found


def _with_head(inside: list[Word], box: Box, words: Sequence[Word]) -> tuple[list[Word], Box]:
    """The words of a table and its box with the line above its first rule, where that has a head for each column."""
    size = median(word.size for word in inside)
    reach = Box(box.left, box.top - 2 * size, box.right, box.top)
    head = [word for word in words if reach.holds(word.box) and word.box.right <= box.right + size]
    if not head or len(as_lines(head)) != 1 or len(_columns([*as_lines(head), *as_lines(inside)])) < 2:
        return inside, box
    gaps = sum(later.box.left - word.box.right >= 1.5 * size for word, later in pairwise(as_lines(head)[0].words))
    return ([*head, *inside], union([box, *(word.box for word in head)])) if gaps else (inside, box)


def aligned_rows(lines: Sequence[Line], vocabulary: Counter[str], ys: Sequence[float] = ()) -> list[list[str]] | None:
    """Rows of the columns that lines of words share; None where they share none.

    :param ys: Where rules divide them.
    """
    if len(lines) < 2:
        return None
    starts = _columns(lines)
    if len(starts) < 2:
        return None
    rows: list[list[list[Word]]] = []
    steps = [later.baseline - line.baseline for line, later in pairwise(lines)]
    apart = _ROWS_APART * min(steps)
    for index, line in enumerate(lines):
        rule = index and any(lines[index - 1].baseline < y <= line.baseline for y in ys)
        if not index or rule or steps[index - 1] > apart or max(steps) <= apart:
            rows.append([[] for _ in starts])
        for word in line.words:
            rows[-1][_slot([*starts, 1e9], word.box.left + 1)].append(word)
    return [[_text(cell, vocabulary) for cell in row] for row in rows]


def _columns(lines: Sequence[Line]) -> list[float]:
    """Where columns start: after white space that (almost) all lines leave free."""
    size = median(line.size for line in lines)
    spans = sorted((word.box.left, word.box.right) for line in lines for word in line.words)
    starts, right = [spans[0][0] - 1], spans[0][1]
    for left, end in spans[1:]:
        if left - right >= _GAP * size:
            starts.append(left - 1)
        right = max(right, end)
    filled = [sum(any(start <= word.box.left for word in line.words) for line in lines) for start in starts]
    return starts if min(filled) >= max(2, len(lines) // 4) else []


def table_of(rows: Sequence[Sequence[str]], box: Box, words: Sequence[Word]) -> Table:
    """The table of some cells, without rows that are empty."""
    text = "\n".join(filter(None, map(table_row, rows)))
    return Table(text, box, frozenset(word.order for word in words))


def _text(words: Sequence[Word], vocabulary: Counter[str]) -> str:
    """The lines of a cell as one text."""
    text = ""
    for line in as_lines(words):
        text = joined(text, line.text, vocabulary) if text else line.text
    return text


def _merged(places: Sequence[float]) -> list[float]:
    """Distinct places in order; those within three points are one."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > _TOUCHING:
            found.append(place)
    return found


def _with_ends(places: Sequence[float], first: float, last: float) -> list[float]:
    """``places`` with the ends of the rules across them, where there is no rule."""
    return _merged([*places, *(end for end in (first, last) if min(abs(end - one) for one in places) > 4 * _TOUCHING)])


def _slot(edges: Sequence[float], place: float) -> int:
    """Index of the interval between ``edges`` that holds ``place``."""
    return max(0, min(sum(edge <= place for edge in edges) - 1, len(edges) - 2))


def _x(box: Box) -> float:
    return (box.left + box.right) / 2


def _y(box: Box) -> float:
    return (box.top + box.bottom) / 2

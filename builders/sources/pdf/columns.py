"""The order in which the regions of a sheet are read: columns one after the other, what is across them between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from nyxqa.builders.sources.pdf.lines import Line, as_lines
from nyxqa.builders.sources.pdf.words import Word

_FEWEST_LINES = 3  # of each of two columns
_FULL = 0.55  # share of a column's width that its median line fills
_DEEPEST = 8
_MOST_TERMS = 12  # lines of a list of terms; a longer one is two columns, such as an index
_LONGEST_TERM = 4  # words
_ALIGNED = 2.0  # points
_NARROW = 0.6  # share of the other column's width


@dataclass(frozen=True, slots=True)
class _Band:
    """Consecutive lines, from ``first`` to before ``last``, that leave ``at`` free."""

    first: int
    last: int
    at: float
    weight: int


def in_columns(words: Sequence[Word], depth: int = 0) -> list[list[Line]]:
    """Regions of one column each, in reading order."""
    lines = as_lines(words)
    band = _best_band(lines) if depth < _DEEPEST else None
    if band is None:
        return [lines] if lines else []
    parts = [_words(lines[: band.first])]
    inside = _words(lines[band.first : band.last])
    parts += [[word for word in inside if (word.box.left < band.at) is left] for left in (True, False)]
    parts.append(_words(lines[band.last :]))
    return [region for part in parts if part for region in in_columns(part, depth + 1)]


def _words(lines: Sequence[Line]) -> list[Word]:
    return [word for line in lines for word in line.words]


def _best_band(lines: Sequence[Line]) -> _Band | None:
    if len(lines) < _FEWEST_LINES:
        return None
    size = median(line.size for line in lines)
    votes: Counter[int] = Counter()
    for line in lines:
        for left, right in _gaps(line, 0.9 * size):
            votes.update(range(int(left // 4), int(right // 4) + 1))
    # Columns whose baselines differ share no line, so the starts of lines count too.
    starts = Counter(int(line.box.left // 4) for line in lines)
    votes.update({place - 1: count for place, count in starts.items() if count >= _FEWEST_LINES})
    bands = [band for place, _ in votes.most_common(40) for band in _bands(lines, place * 4 + 2.0, size)]
    return max(bands, key=lambda band: (band.weight, -band.at), default=None)


def _gaps(line: Line, least: float) -> list[tuple[float, float]]:
    gaps, right = [], line.words[0].box.right
    for word in line.words[1:]:
        if word.box.left - right >= least:
            gaps.append((right, word.box.left))
        right = max(right, word.box.right)
    return gaps


def _bands(lines: Sequence[Line], at: float, size: float) -> list[_Band]:
    """The runs of lines that leave ``at`` free and are two columns."""
    found, first = [], 0
    for index in range(len(lines) + 1):
        if index < len(lines) and not any(word.box.left < at < word.box.right for word in lines[index].words):
            continue
        band = _band(lines, first, index, at, size)
        if band is not None:
            found.append(band)
        first = index + 1
    return found


def _band(lines: Sequence[Line], first: int, last: int, at: float, size: float) -> _Band | None:
    sides: tuple[list[list[Word]], list[list[Word]]] = ([], [])
    for line in lines[first:last]:
        for side, words in zip(sides, _divided(line, at), strict=True):
            if words:
                side.append(words)
    if min(map(len, sides)) < _FEWEST_LINES:
        return None
    first, last = _shared(lines, first, last, at)
    left, right = ([words for line in lines[first:last] if (words := _divided(line, at)[side])] for side in (0, 1))
    if min(len(left), len(right)) < _FEWEST_LINES:
        return None
    gutter = min(words[0].box.left for words in right) - max(words[-1].box.right for words in left)
    if gutter < 0.7 * size:
        return None
    prose = _is_prose(left) and _is_prose(right)
    narrow = _width(left) < _NARROW * _width(right)
    if not prose and not _drawn_apart(left, right):
        return None
    if (narrow or not prose) and _are_rows(left, right, size):
        return None
    return _Band(first, last, at, min(len(left), len(right)))


def _shared(lines: Sequence[Line], first: int, last: int, at: float) -> tuple[int, int]:
    """The lines from where both sides have started: what is above one of them alone is read before both."""
    tops = [next(line.box.top for line in lines[first:last] if _divided(line, at)[side]) for side in (0, 1)]
    begin = max(tops) - lines[first].size
    return next(index for index in range(first, last) if lines[index].box.top >= begin), last


def _divided(line: Line, at: float) -> tuple[list[Word], list[Word]]:
    return [word for word in line.words if word.box.left < at], [word for word in line.words if word.box.left >= at]


def _is_prose(rows: Sequence[Sequence[Word]]) -> bool:
    """Whether rows of words look like the lines of a paragraph, and not like cells of a table."""
    left, right = min(words[0].box.left for words in rows), max(words[-1].box.right for words in rows)
    fill = median((words[-1].box.right - words[0].box.left) / max(right - left, 1) for words in rows)
    return fill >= _FULL and median(map(len, rows)) >= 3


def _drawn_apart(left: Sequence[Sequence[Word]], right: Sequence[Sequence[Word]]) -> bool:
    """Whether one side was drawn as a whole before the other, as columns are and the rows of a table are not."""
    order = sorted([(word.order, 0) for words in left for word in words] + [(w.order, 1) for r in right for w in r])
    changes = sum(one[1] != other[1] for one, other in pairwise(order))
    return changes <= 1 + 0.1 * min(len(left), len(right))


def _width(rows: Sequence[Sequence[Word]]) -> float:
    return max(words[-1].box.right for words in rows) - min(words[0].box.left for words in rows)


def _are_rows(left: Sequence[Sequence[Word]], right: Sequence[Sequence[Word]], size: float) -> bool:
    """Whether each line of one side goes with one of the other, as terms do with what they mean."""
    if len(left) > _MOST_TERMS or abs(len(left) - len(right)) > 1:
        return False
    baselines = [words[0].baseline for words in left]
    shared = [any(abs(words[0].baseline - one) < 0.3 * size for one in baselines) for words in right]
    aligned = all(
        max(words[0].box.left for words in side) - min(words[0].box.left for words in side) < _ALIGNED
        for side in (left, right)
    )
    numbered = all(2 * sum(words[-1].text[-1].isdigit() for words in side) > len(side) for side in (left, right))
    return all(shared) and aligned and not numbered and median(map(len, left)) <= _LONGEST_TERM

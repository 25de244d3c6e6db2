"""Words of a sheet as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from nyxqa.builders.sources.pdf.geometry import Box, union
from nyxqa.builders.sources.pdf.scripts import FIRST_OTHER, in_reading_order, joint
from nyxqa.builders.sources.pdf.words import Word

_TYPED = 0.9  # share of the letters of a line of a typewriter


@dataclass(slots=True)
class Line:
    """Words beside each other, from left to right."""

    words: list[Word]
    box: Box
    baseline: float
    size: float

    @property
    def text(self) -> str:
        """The words as they are read, with a space between them where their script has one."""
        texts = [word.text for word in self.words]
        if max(map(max, texts)) < FIRST_OTHER:
            return " ".join(texts)
        order = in_reading_order(texts)
        text = texts[order[0]]
        for before, index in pairwise(order):
            gap = max(self.words[index].box.left - self.words[before].box.right, 0.0)
            text += (joint(text, texts[index]) if gap < self.size else " ") + texts[index]
        return text

    @property
    def is_bold(self) -> bool:
        """Whether all words are bold."""
        return all(word.bold for word in self.words)

    @property
    def pitch(self) -> float:
        """Width of each letter of a typewriter's line; 0 of another line."""
        first = self.words[0]
        numbered = len(self.words) > 1 and first.text.isdigit() and first.size < self.words[1].size
        words = self.words[1:] if numbered else self.words
        letters = sum(len(word.text) for word in words)
        typed = sum(len(word.text) for word in words if word.pitch)
        return max(word.pitch for word in words) if typed >= _TYPED * letters else 0.0


def as_lines(words: Sequence[Word]) -> list[Line]:
    """Lines of upright words from top to bottom, each across the whole width."""
    rows: list[list[Word]] = []
    spans: list[tuple[float, float]] = []
    equal: dict[tuple[float, float], int] = {}  # most words of a line have one height; no other row can be nearer
    for word in sorted(words, key=lambda word: (-word.size, word.baseline, word.box.left)):
        span = word.box.top, word.box.bottom
        row = equal.get(span)
        row = _row(word, spans) if row is None else row
        if row is None:
            equal[span] = len(rows)
            rows.append([word])
            spans.append(span)
        else:
            rows[row].append(word)
    return sorted(map(_line, rows), key=lambda line: (line.baseline, line.box.left))


def _row(word: Word, spans: Sequence[tuple[float, float]]) -> int | None:
    """The row with which a word overlaps most, by at least half of its height; rows never grow by smaller words."""
    best, most = None, 0.5 * word.box.height
    for index, (top, bottom) in enumerate(spans):
        shared = min(bottom, word.box.bottom) - max(top, word.box.top)
        if shared > most:
            best, most = index, shared
    return best


def _line(words: list[Word]) -> Line:
    words = sorted(words, key=lambda word: (word.box.left, word.order))
    size = median(word.size for word in words for _ in word.text)
    first = max(words, key=lambda word: len(word.text))
    return Line(words, union(word.box for word in words), first.baseline, size)


def body_size(words: Sequence[Word]) -> float:
    """The size of most letters; 10 without any."""
    sizes = [word.size for word in words for _ in word.text]
    return median(sizes) if sizes else 10.0

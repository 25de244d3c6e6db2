"""Tokens of a text from the tokens of its units: a word with the white space at its side is tokenized once, ever.

Most tokenizers cut text at white space first and never look across that cut. For these a text has as many tokens as
its units have, whatever stands around them, so a chunk has as many alone as it has within its page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, islice, product
from typing import Any

import numpy as np

from nyxqa.builders.characters import Ints, word_begins

# What a unit is, simplest first: a word, where white space is worth no token; a word with the white space before it;
# or, as cl100k and its heirs cut, with line ends behind it.
_WORD = re.compile(r"\S+")
_PATTERNS = (_WORD, re.compile(r"\s*\S+|\s+"), re.compile(r"[^\S\r\n]*\S+(?:\s*[\r\n]+)?|\s*[\r\n]+|\s+"))
_PROBE_WORDS = (
    "word",
    "It's",
    "na\u00efve",
    "\u65e5\u672c\u8a9e",
    "3.14",
    "end.",
    "(x)",
    "\u2014",
    "\U0001f600",
    "e\u0301t",
    "a_b",
)
_PROBE_SPACES = (" ", "  ", "\n", "\n\n", " \n ", "\t", "\u00a0", "\u3000", "\r\n", "")
_MOST = 200_000  # units remembered, some 20 MB
_TOGETHER = 500  # units tokenized as one text


class Units:
    """Counts tokens unit by unit and remembers them.

    :param tokenizer: A ``tokenizers.Tokenizer``.
    :param pattern: What a unit is.
    """

    def __init__(self, tokenizer: Any, pattern: re.Pattern[str]) -> None:
        self._tokenizer = tokenizer
        self._pattern = pattern
        self.words_only = pattern is _WORD
        self._forget()

    def _forget(self) -> None:
        self._number = _Numbers()
        self._at_ends: dict[str, int] = {}
        self._counts = np.zeros(0, np.int64)  # tokens of each unit by its number
        self._offsets = np.zeros(0, np.int64)  # where they start in it, unit after unit

    def count(self, text: str) -> int:
        """Number of tokens of ``text``."""
        units = self._split(text)
        numbers = [self._number.get(unit, -1) for unit in units]
        known = self._counts[[number for number in numbers if number >= 0]].sum()
        # Seldom more than the first and the last, which are without the white space they have in a page.
        return int(known) + sum(self._alone(unit) for unit, number in zip(units, numbers, strict=True) if number < 0)

    def _alone(self, unit: str) -> int:
        if unit not in self._at_ends:
            if len(self._at_ends) > _MOST:
                self._at_ends.clear()
            self._at_ends[unit] = len(self._tokenizer.encode(unit, add_special_tokens=False))
        return self._at_ends[unit]

    def starts(self, texts: Sequence[str]) -> list[Ints]:
        """For each text the start of each token, int64 [tokens]."""
        if len(self._number) > _MOST:
            self._forget()
        split = [self._split(text) for text in texts]
        numbers = [self._numbers(units) for units in split]
        self._learn()
        firsts = np.cumsum(self._counts) - self._counts
        return [self._starts(*one, firsts) for one in zip(texts, split, numbers, strict=True)]

    def _split(self, text: str) -> list[str]:
        return text.split() if self.words_only else self._pattern.findall(text)

    def _numbers(self, units: list[str]) -> Ints:
        return np.fromiter(map(self._number.__getitem__, units), np.int64, len(units))

    def _starts(self, text: str, units: list[str], numbers: Ints, firsts: Ints) -> Ints:
        counts = self._counts[numbers]
        begins = word_begins(text) if self.words_only else _begins(units)
        ordinals = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        starts: Ints = np.repeat(begins, counts) + self._offsets[np.repeat(firsts[numbers], counts) + ordinals]
        return starts

    def _learn(self) -> None:
        """Tokenize the units that have a number and no count yet: many as one text, which costs as much as one."""
        new = list(islice(self._number, len(self._counts), None))
        if not new:
            return
        glue = " " if self.words_only else ""
        groups = list(self._groups(new))
        encoded = self._tokenizer.encode_batch([glue.join(some) for some in groups], add_special_tokens=False)
        counts, offsets = [self._counts], [self._offsets]
        for some, encoding in zip(groups, encoded, strict=True):
            ends = np.cumsum(np.fromiter(map(len, some), np.int64, len(some)) + len(glue))
            starts = np.array([start for start, _ in encoding.offsets], np.int64)
            counts.append(np.diff(np.searchsorted(starts, ends), prepend=0))
            offsets.append(starts - np.repeat(np.concatenate([[0], ends[:-1]]), counts[-1]))
        self._counts, self._offsets = np.concatenate(counts), np.concatenate(offsets)

    def _groups(self, units: list[str]) -> Iterator[list[str]]:
        """Units that may be joined: those that end where a tokenizer cuts anyway."""
        for joins, some in groupby(units, lambda unit: self.words_only or (unit[0].isspace() and not unit.isspace())):
            run = list(some)
            size = _TOGETHER if joins else 1
            yield from (run[start : start + size] for start in range(0, len(run), size))


class _Numbers(dict[str, int]):
    """Numbers units as they are first asked for."""

    def __missing__(self, unit: str) -> int:
        number = self[unit] = len(self)
        return number


def _begins(units: list[str]) -> Ints:
    lengths = np.fromiter(map(len, units), np.int64, len(units))
    begins: Ints = np.cumsum(lengths) - lengths
    return begins


def units_of(tokenizer: Any) -> Units | None:
    """Units by which ``tokenizer`` can be counted, or nothing if its tokens reach across white space."""
    texts = [a + gap + b for a, gap, b in product(_PROBE_WORDS, _PROBE_SPACES, _PROBE_WORDS)]
    texts += [f" {text}\n{text} " for text in texts]
    whole = [len(encoding) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    for pattern in _PATTERNS:
        units = Units(tokenizer, pattern)
        if [len(starts) for starts in units.starts(texts)] == whole:
            return Units(tokenizer, pattern)
    return None

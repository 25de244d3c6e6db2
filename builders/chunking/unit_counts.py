"""Counts the tokens of a text as the sum over its units, so that each distinct word is tokenized only once.

Most tokenizers split text at white space first, and no token spans such a split. The number of tokens of a unit, a word
with the white space beside it, then does not depend on the text around it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import count, islice, product
from typing import Any

import numpy as np

from nyxqa.builders.chunking.pretokenizers import BORDER, LINED, SPACED, WORD, Pretokens, pretokens_of
from nyxqa.builders.chunking.token_index import Ints, TokenStarts, word_bounds

# Patterns of a unit, simplest first.
_PATTERNS = (WORD, SPACED, LINED)
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
_MAX_CACHED = 200_000  # units cached, some 20 MB
_TOGETHER = 500  # units tokenized as one text
_SPACE_BEFORE_SPACE = re.compile(r"\s ")


class Units:
    """Counts tokens by unit and caches the counts.

    :param tokenizer: A ``tokenizers.Tokenizer``.
    :param pattern: Matches units.
    :param pretokens: The tokenizer's pre-tokenizer, if it is known.
    """

    def __init__(self, tokenizer: Any, pattern: re.Pattern[str], pretokens: Pretokens | None = None) -> None:
        self._tokenizer, self._model = tokenizer, tokenizer.model
        self._pattern = pattern
        self._pretokens = pretokens
        self.words_only = pattern is WORD
        self._clear()

    def _clear(self) -> None:
        self._units, self._pieces = _Counts(), _Counts()
        self._pieces.numbers([BORDER])
        self._pieces.learn(np.zeros(len(self._pieces.new()), np.int64))
        self._at_ends: dict[str, int] = {}
        self._offsets: dict[str, list[int]] = {}

    def count(self, text: str) -> int:
        """Return the number of tokens of ``text``."""
        units = self._split(text)
        numbers = [self._units.number.get(unit, -1) for unit in units]
        known = self._units.counts[[number for number in numbers if number >= 0]].sum()
        # Usually only the first and last unit, which lack the white space that they have within a page.
        return int(known) + sum(
            self.count_unit(unit) for unit, number in zip(units, numbers, strict=True) if number < 0
        )

    def count_unit(self, unit: str) -> int:
        """Return the number of tokens of a unit, or a part of one, tokenized by itself."""
        if unit not in self._at_ends:
            if len(self._at_ends) > _MAX_CACHED:
                self._at_ends.clear()
            known = None if self._pretokens is None else self._pretokens.count(unit, self._model)
            if known is None:
                known = len(self._tokenizer.encode(unit, add_special_tokens=False))
            self._at_ends[unit] = known
        return self._at_ends[unit]

    def starts(self, texts: Sequence[str]) -> list[TokenStarts]:
        """Return the token starts of each text."""
        if len(self._units.counts) > _MAX_CACHED:
            self._clear()
        numbered = [self._numbered(text) for text in texts]
        self._learn()
        return [self._starts(*units) for units in numbered]

    def _numbered(self, text: str) -> tuple[Ints, Ints, Ints]:
        """Return numbers, starts and ends of the units of a text, int64 [units] each."""
        units = self._split(text)
        numbers = self._units.numbers(units)
        if self.words_only:
            return numbers, *word_bounds(text)
        lengths = np.fromiter(map(len, units), np.int64, len(units))
        ends = np.cumsum(lengths)
        return numbers, ends - lengths, ends

    def _starts(self, numbers: Ints, begins: Ints, ends: Ints) -> TokenStarts:
        before = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(self._units.counts[numbers], out=before[1:])
        return TokenStarts(begins, ends, before, numbers, partial(self._inside, self._units), self.words_only)

    def _split(self, text: str) -> list[str]:
        if self.words_only:
            return text.split()
        if self._pretokens is None or BORDER in text or text[:1].isspace() or _SPACE_BEFORE_SPACE.search(text):
            return self._pattern.findall(text)
        # All known pre-tokenizers split before a space that does not follow white space.
        return text.replace(" ", f"{BORDER} ").split(BORDER) if text else []

    def _inside(self, units: _Counts, number: int) -> list[int]:
        """Return the token starts of a unit, relative to its start.

        :param units: The numbering that ``number`` is from; the current one may be newer.
        """
        unit = units.string(number)
        if unit not in self._offsets:
            encoding = self._tokenizer.encode(unit, add_special_tokens=False)
            self._offsets[unit] = [start for start, _ in encoding.offsets]
        return self._offsets[unit]

    def _learn(self) -> None:
        """Tokenize the units that have a number but no count yet."""
        new = self._units.new()
        plain = np.array([], np.int64) if self._pretokens is None else self._pretokens.plain(new)
        counts = np.zeros(len(new), np.int64)
        counts[plain] = self._by_pieces([new[index] for index in plain.tolist()])
        others = np.setdiff1d(np.arange(len(new)), plain, assume_unique=True)
        counts[others] = self._tokenized([new[index] for index in others.tolist()])
        self._units.learn(counts)

    def _by_pieces(self, units: list[str]) -> Ints:
        """Return the tokens of plain units as sums over their pieces, int64 [units]."""
        if self._pretokens is None or not units:
            return np.zeros(0, np.int64)
        numbers = self._pieces.numbers(self._pretokens.cut(units))
        new = self._pieces.new()
        self._pieces.learn(self._pretokens.tokens(new, self._model))
        borders = np.flatnonzero(numbers == 0)
        return np.diff(np.cumsum(self._pieces.counts[numbers])[borders], prepend=0)

    def _tokenized(self, units: list[str]) -> Ints:
        """Return the tokens of each unit; units that can be joined are tokenized many at a time, which is faster."""
        counts = np.zeros(len(units), np.int64)
        joins = [self.words_only or (unit[0].isspace() and not unit[-1].isspace()) for unit in units]
        single = [index for index, join in enumerate(joins) if not join]
        encoded = self._tokenizer.encode_batch_fast([units[index] for index in single], add_special_tokens=False)
        counts[single] = [len(encoding) for encoding in encoded]
        joined = [index for index, join in enumerate(joins) if join]
        groups = [joined[start : start + _TOGETHER] for start in range(0, len(joined), _TOGETHER)]
        glue = " " if self.words_only else ""
        texts = [glue.join([units[index] for index in group]) for group in groups]
        for group, encoding in zip(groups, self._tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
            ends = np.cumsum(np.fromiter((len(units[index]) for index in group), np.int64, len(group)) + len(glue))
            starts = np.array([start for start, _ in encoding.offsets], np.int64)
            counts[group] = np.diff(np.searchsorted(starts, ends), prepend=0)
        return counts


class _Counts:
    """Numbers strings in the order of their first use and stores the token count of each."""

    def __init__(self) -> None:
        self.counts = np.zeros(0, np.int64)
        self.number: defaultdict[str, int] = defaultdict(count().__next__)
        self._listed: list[str] = []

    def numbers(self, strings: Sequence[str]) -> Ints:
        """Return the number of each string, int64 [strings]; new strings get one."""
        return np.fromiter(map(self.number.__getitem__, strings), np.int64, len(strings))

    def new(self) -> list[str]:
        """Return the strings that have a number but no count yet."""
        new = list(islice(self.number, len(self.counts), None))
        self._listed[len(self.counts) :] = new
        return new

    def learn(self, counts: Ints) -> None:
        """Store the token counts of the strings that ``new`` returned last."""
        self.counts = np.concatenate([self.counts, counts])

    def string(self, number: int) -> str:
        """Return the string with a number."""
        return self._listed[number]


def units_of(tokenizer: Any) -> Units | None:
    """Return the units by which ``tokenizer`` can be counted, or None if its tokens span white space.

    If the pre-tokenizer is not known, each pattern is checked against the tokenizer on texts of many kinds.
    """
    known = pretokens_of(tokenizer)
    if known is not None:
        return Units(tokenizer, known.units, known)
    texts = [a + gap + b for a, gap, b in product(_PROBE_WORDS, _PROBE_SPACES, _PROBE_WORDS)]
    texts += [f" {text}\n{text} " for text in texts]
    expected = [len(encoding) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    for pattern in _PATTERNS:
        units = Units(tokenizer, pattern)
        if [len(starts) for starts in units.starts(texts)] == expected:
            return Units(tokenizer, pattern)
    return None

"""Tokens of a text from the tokens of its units: a word with the white space at its side is tokenized once, ever.

Most tokenizers cut text at white space first and never look across that cut. For these a text has as many tokens as
its units have, whatever stands around them, so a chunk has as many alone as it has within its page.
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
from nyxqa.builders.chunking.token_index import TokenStarts
from nyxqa.builders.chunking.whitespace import Ints, word_bounds

# What a unit may be, simplest first.
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
_MOST = 200_000  # units remembered, some 20 MB
_TOGETHER = 500  # units tokenized as one text
_SPACE_BEFORE_SPACE = re.compile(r"\s ")


class Units:
    """Counts tokens unit by unit and remembers them.

    :param tokenizer: A ``tokenizers.Tokenizer``.
    :param pattern: What a unit is.
    :param pretokens: Its first cuts, where they are known.
    """

    def __init__(self, tokenizer: Any, pattern: re.Pattern[str], pretokens: Pretokens | None = None) -> None:
        self._tokenizer, self._model = tokenizer, tokenizer.model
        self._pattern = pattern
        self._pretokens = pretokens
        self.words_only = pattern is WORD
        self._forget()

    def _forget(self) -> None:
        self._units, self._pieces = _Counts(), _Counts()
        self._pieces.numbers([BORDER])
        self._pieces.learn(np.zeros(len(self._pieces.new()), np.int64))
        self._at_ends: dict[str, int] = {}
        self._offsets: dict[str, list[int]] = {}

    def count(self, text: str) -> int:
        """Number of tokens of ``text``."""
        units = self._split(text)
        numbers = [self._units.number.get(unit, -1) for unit in units]
        known = self._units.counts[[number for number in numbers if number >= 0]].sum()
        # Seldom more than the first and the last, which are without the white space they have in a page.
        return int(known) + sum(self.alone(unit) for unit, number in zip(units, numbers, strict=True) if number < 0)

    def alone(self, unit: str) -> int:
        """Number of tokens of a unit, or of a part of one, that begins or ends a text."""
        if unit not in self._at_ends:
            if len(self._at_ends) > _MOST:
                self._at_ends.clear()
            known = None if self._pretokens is None else self._pretokens.count(unit, self._model)
            if known is None:
                known = len(self._tokenizer.encode(unit, add_special_tokens=False))
            self._at_ends[unit] = known
        return self._at_ends[unit]

    def starts(self, texts: Sequence[str]) -> list[TokenStarts]:
        """For each text where its tokens start."""
        if len(self._units.counts) > _MOST:
            self._forget()
        cut = [self._numbered(text) for text in texts]
        self._learn()
        return [self._starts(*one) for one in cut]

    def _numbered(self, text: str) -> tuple[Ints, Ints, Ints]:
        """Numbers of the units of a text, and where they begin and end."""
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
        # All known first cuts cut before a space that follows something else.
        return text.replace(" ", f"{BORDER} ").split(BORDER) if text else []

    def _inside(self, units: _Counts, number: int) -> list[int]:
        """Where the tokens of a unit start in it.

        :param units: Those that the number was given by; they may have been forgotten since.
        """
        unit = units.thing(number)
        if unit not in self._offsets:
            encoding = self._tokenizer.encode(unit, add_special_tokens=False)
            self._offsets[unit] = [start for start, _ in encoding.offsets]
        return self._offsets[unit]

    def _learn(self) -> None:
        """Tokenize the units that have a number and no count yet."""
        new = self._units.new()
        plain = np.array([], np.int64) if self._pretokens is None else self._pretokens.plain(new)
        counts = np.zeros(len(new), np.int64)
        counts[plain] = self._by_pieces([new[index] for index in plain.tolist()])
        others = np.setdiff1d(np.arange(len(new)), plain, assume_unique=True)
        counts[others] = self._tokenized([new[index] for index in others.tolist()])
        self._units.learn(counts)

    def _by_pieces(self, units: list[str]) -> Ints:
        """Tokens of plain units, as the sum of those of their pieces."""
        if self._pretokens is None or not units:
            return np.zeros(0, np.int64)
        numbers = self._pieces.numbers(self._pretokens.cut(units))
        new = self._pieces.new()
        self._pieces.learn(self._pretokens.tokens(new, self._model))
        borders = np.flatnonzero(numbers == 0)
        return np.diff(np.cumsum(self._pieces.counts[numbers])[borders], prepend=0)

    def _tokenized(self, units: list[str]) -> Ints:
        """Tokens of each unit: those that may be joined many as one text, which costs as much as one."""
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
    """Numbers things as they are first asked for, and keeps the tokens of each by its number."""

    def __init__(self) -> None:
        self.counts = np.zeros(0, np.int64)
        self.number: defaultdict[str, int] = defaultdict(count().__next__)
        self._listed: list[str] = []

    def numbers(self, things: Sequence[str]) -> Ints:
        """The number of each."""
        return np.fromiter(map(self.number.__getitem__, things), np.int64, len(things))

    def new(self) -> list[str]:
        """Those that have a number and no count yet."""
        new = list(islice(self.number, len(self.counts), None))
        self._listed[len(self.counts) :] = new
        return new

    def learn(self, counts: Ints) -> None:
        """Keep the tokens of the new ones."""
        self.counts = np.concatenate([self.counts, counts])

    def thing(self, number: int) -> str:
        """What has a number."""
        return self._listed[number]


def units_of(tokenizer: Any) -> Units | None:
    """Units by which ``tokenizer`` can be counted, or nothing if its tokens reach across white space.

    Where its first cuts are not known they are tried on texts of all sorts.
    """
    known = pretokens_of(tokenizer)
    if known is not None:
        return Units(tokenizer, known.units, known)
    texts = [a + gap + b for a, gap, b in product(_PROBE_WORDS, _PROBE_SPACES, _PROBE_WORDS)]
    texts += [f" {text}\n{text} " for text in texts]
    whole = [len(encoding) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    for pattern in _PATTERNS:
        units = Units(tokenizer, pattern)
        if [len(starts) for starts in units.starts(texts)] == whole:
            return Units(tokenizer, pattern)
    return None

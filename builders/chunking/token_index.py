"""Token starts of a text, stored by unit; starts inside a unit are computed on demand."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

Inside = Callable[[int], Sequence[int]]

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
_LATIN = bytes(chr(code).isspace() for code in range(0x100))
_WIDE = np.array(
    [chr(code).isspace() for code in range(0x10000)]
)  # the last entry, False, is also used for all code points beyond


class TokenStarts:
    """Token starts of a text that consists of units, such as words, where no token spans two units.

    :param begins: First character of each unit, int64 [units], ascending.
    :param ends: End of each unit, exclusive, int64 [units].
    :param before: Tokens before each unit, then the total, int64 [units + 1].
    :param units: Number that identifies each unit, int64 [units].
    :param inside: Returns the token starts of the unit with a number, relative to the unit's start; None if each unit
        is a single token.
    :param words: Whether the units are the words that white space separates.
    """

    __slots__ = ("before", "begins", "ends", "inside", "units", "words")

    def __init__(
        self,
        begins: Ints,
        ends: Ints,
        before: Ints,
        units: Ints | None = None,
        inside: Inside | None = None,
        words: bool = False,
    ) -> None:
        self.begins, self.ends, self.before, self.units, self.inside = begins, ends, before, units, inside
        self.words = words

    @classmethod
    def of(cls, starts: Sequence[int] | Ints) -> TokenStarts:
        """Return the index of a text in which each token is a unit; ``starts`` ascends."""
        begins = np.asarray(starts, np.int64)
        return cls(begins, begins + 1, np.arange(len(begins) + 1))

    def __len__(self) -> int:
        return int(self.before[-1])

    def __iter__(self) -> Iterator[int]:
        return map(self.start, range(len(self)))

    def number_before(self, at: int) -> int:
        """Return the number of tokens that start before character ``at``."""
        unit = int(self.begins.searchsorted(at))
        if unit and self.ends[unit - 1] > at:
            begin = int(self.begins[unit - 1])
            return int(self.before[unit - 1]) + bisect_left(self._inside(unit - 1), at - begin)
        return int(self.before[unit])

    def span(self, token: int) -> tuple[int, int]:
        """Return start and end of the unit that contains a token."""
        unit = self._unit(token)
        return int(self.begins[unit]), int(self.ends[unit])

    def start(self, token: int) -> int:
        """Return the character at which a token starts."""
        unit = self._unit(token)
        return int(self.begins[unit]) + self._inside(unit)[token - int(self.before[unit])]

    def count_slice(self, text: str, start: int, stop: int, count: Callable[[str], int]) -> int:
        """Return the number of tokens of ``text[start:stop]`` tokenized by itself.

        Only the first and last unit of the slice differ from those of the text: they may be cut, or lack the white
        space beside them. The slice neither starts nor ends with white space.

        :param text: The text that this index describes.
        :param count: Returns the number of tokens of a unit tokenized by itself.
        """
        first, last = int(self.ends.searchsorted(start, "right")), int(self.begins.searchsorted(stop)) - 1
        if first >= last:
            return count(text[start:stop])
        tail = 0
        if stop == self.ends[last]:
            last += 1
        else:
            tail = count(text[self.begins[last] : stop])
        return count(text[start : self.ends[first]]) + int(self.before[last] - self.before[first + 1]) + tail

    def _unit(self, token: int) -> int:
        return int(self.before.searchsorted(token, "right")) - 1

    def _inside(self, unit: int) -> Sequence[int]:
        return (0,) if self.inside is None or self.units is None else self.inside(int(self.units[unit]))


def concatenated(parts: Sequence[tuple[int, TokenStarts]]) -> TokenStarts:
    """Return the index of a text from the indexes of its parts, each given with the part's first character."""
    if not parts:
        return TokenStarts.of(())
    if len(parts) == 1 and parts[0][0] == 0:
        return parts[0][1]
    totals = np.cumsum([0, *(len(own) for _, own in parts)])
    before = [own.before[:-1] + total for (_, own), total in zip(parts, totals[:-1], strict=True)]
    return TokenStarts(
        np.concatenate([begin + own.begins for begin, own in parts]),
        np.concatenate([begin + own.ends for begin, own in parts]),
        np.concatenate([*before, totals[-1:]]),
        None if parts[0][1].units is None else np.concatenate([own.units for _, own in parts]),
        parts[0][1].inside,
        parts[0][1].words,
    )


def space_starts(text: str) -> Ints:
    """Return the start of each run of white space, int64 [runs], ascending."""
    space = _spaces(text)
    return np.flatnonzero(space & ~np.concatenate([[False], space[:-1]]))


def word_bounds(text: str) -> tuple[Ints, Ints]:
    """Return starts and ends of the words of ``str.split``, int64 [words] each, ascending."""
    word = np.zeros(len(text) + 2, np.bool_)
    np.logical_not(_spaces(text), out=word[1:-1])
    bounds = np.flatnonzero(word[1:] != word[:-1])
    return bounds[::2], bounds[1::2]


def _spaces(text: str) -> Bools:
    """Return whether each character is white space, bool [characters]."""
    if text.isascii():
        return np.frombuffer(text.encode().translate(_LATIN), np.bool_)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    space = np.frombuffer(codes.astype(np.uint8).tobytes().translate(_LATIN), np.bool_).copy()
    wide = np.flatnonzero(codes > 0xFF)  # translate saw only their lowest byte
    space[wide] = _WIDE[np.minimum(codes[wide], 0xFFFF)]
    return space

"""Where the tokens of a text start, known unit by unit: places inside a unit are looked up only when asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nyxqa.builders.chunking.whitespace import Ints

Inside = Callable[[int], Sequence[int]]


class TokenStarts:
    """Token starts of a text of units, such as words, none of whose tokens reaches into another.

    :param begins: Character at which each unit begins, int64 [units], ascending.
    :param ends: Character behind each unit, int64 [units].
    :param before: Tokens in front of each unit, and of all, int64 [units + 1].
    :param units: The number of each unit, int64 [units].
    :param inside: Token starts of the unit of a number, counted from its own start; None if each unit is one token
        that starts where it begins.
    :param words: Whether the units are all that stands between white space.
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
        """Each token a unit of its own."""
        begins = np.asarray(starts, np.int64)
        return cls(begins, begins + 1, np.arange(len(begins) + 1))

    def __len__(self) -> int:
        return int(self.before[-1])

    def __iter__(self) -> Iterator[int]:
        return map(self.start, range(len(self)))

    def number_before(self, at: int) -> int:
        """Tokens that start before character ``at``."""
        unit = int(self.begins.searchsorted(at))
        if unit and self.ends[unit - 1] > at:
            begin = int(self.begins[unit - 1])
            return int(self.before[unit - 1]) + bisect_left(self._inside(unit - 1), at - begin)
        return int(self.before[unit])

    def span(self, token: int) -> tuple[int, int]:
        """The unit of a token: it starts at the first of these characters or later, and before the second."""
        unit = self._unit(token)
        return int(self.begins[unit]), int(self.ends[unit])

    def start(self, token: int) -> int:
        """Character at which a token starts."""
        unit = self._unit(token)
        return int(self.begins[unit]) + self._inside(unit)[token - int(self.before[unit])]

    def alone(self, text: str, start: int, stop: int, count: Callable[[str], int]) -> int:
        """Tokens of ``text[start:stop]`` standing alone, which begins and ends with no white space.

        Only the units at its ends are others there: cut, or without the white space at their side.

        :param text: The text of these starts.
        :param count: Tokens of a unit that stands alone.
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


def joined(parts: Sequence[tuple[int, TokenStarts]]) -> TokenStarts:
    """Starts in a text out of those in its parts, each with the character at which it begins."""
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

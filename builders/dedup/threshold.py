"""The rule that decides from which similarity two texts are near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nyxqa.builders.dedup.word_hashes import F64, I64
from nyxqa.schemas.errors import UsageError

_ROUNDING = 1e-6  # room for rounding where sizes alone rule a pair out


@dataclass(frozen=True)
class Threshold:
    """Texts are near-duplicates if the Jaccard similarity of their shingle sets is at least ``value``.

    Everything that a search derives from the rule is here, so that another rule is a subclass: it may be stricter for
    some sizes (override ``reached``), but ``value`` stays the least similarity of any pair it accepts.

    :param value: Similarity, above 0 and at most 1.
    :raises UsageError: If ``value`` is out of range.
    """

    value: float

    def __post_init__(self) -> None:
        if not 0 < self.value <= 1:
            raise UsageError(f"threshold {self.value} must be above 0 and at most 1")

    @property
    def key(self) -> object:
        """Identifies the rule in the name of a search's work folder, as JSON types."""
        return self.value

    def reached(self, similarity: F64, left: I64, right: I64) -> NDArray[np.bool_]:
        """Which pairs are near-duplicates, bool [pairs].

        :param left: Number of shingles of the first set of each pair.
        :param right: Number of shingles of the second.
        """
        return np.asarray(similarity >= self.value, np.bool_)

    def similar_sizes(self, left: str, right: str) -> str:
        """SQL: sets of these sizes can be near-duplicates."""
        return f"least({left}, {right}) >= {self.value!r} * greatest({left}, {right}) - {_ROUNDING!r}"

    def sizes_allow(self, left: I64, right: I64) -> NDArray[np.bool_]:
        """Whether sets of these sizes can be near-duplicates, bool [pairs]."""
        return np.asarray(np.minimum(left, right) >= self.value * np.maximum(left, right) - _ROUNDING, np.bool_)

    def prefix(self, shared: str, size: str) -> str:
        """SQL: length of the prefix in which a set must meet every near-duplicate.

        :param shared: Number of its shingles that other sets have too.
        :param size: Number of its shingles.
        """
        return f"{shared} - ceil({self.value!r} * {size} - {_ROUNDING!r}) + 1"

    def short_prefix(self, shared: str, size: str) -> str:
        """SQL: length of the prefix that is enough for the smaller set of a pair."""
        return f"{shared} - ceil({2 * self.value / (1 + self.value)!r} * {size} - {_ROUNDING!r}) + 1"

    def prefix_lengths(self, shared: I64, sizes: I64) -> tuple[I64, I64]:
        """``prefix`` and ``short_prefix`` of sets, int64; below 1 where a set needs none.

        :param shared: Number of their shingles that other sets may have too.
        :param sizes: Number of their shingles.
        """
        whole, least = (
            shared - np.ceil(share * sizes - _ROUNDING).astype(np.int64) + 1
            for share in (self.value, 2 * self.value / (1 + self.value))
        )
        return whole, least


def as_threshold(threshold: float | Threshold) -> Threshold:
    """A number as the rule that it means."""
    return threshold if isinstance(threshold, Threshold) else Threshold(threshold)

"""Shingle sets on disk, and the exact Jaccard similarity of pairs of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from nyxqa.builders.dedup.compiled import loaded
from nyxqa.builders.dedup.shingles import HASH_BITS
from nyxqa.builders.dedup.threshold import Threshold
from nyxqa.builders.dedup.word_hashes import F64, I64, U64, ranges_of

_PAIR_ELEMENTS = 1 << 20  # shingles compared at once
_PAIRS = 1 << 14  # pairs compared at once: their number fits beside the bits of a hash


def append_sets(stream: BinaryIO, values: U64) -> None:
    """Append sets to those already written."""
    values.tofile(stream)


@dataclass(frozen=True)
class SetStore:
    """Sets of shingle hashes in one flat file.

    :param file: The file, 8 bytes a shingle, ascending inside a set.
    :param starts: Where each set starts, in shingles.
    :param sizes: Shingles of each set.
    """

    file: Path
    starts: I64
    sizes: I64

    def jaccard(self, left: I64, right: I64) -> F64:
        """Exact Jaccard similarity of the sets ``left[i]`` and ``right[i]``, in bounded memory."""
        similarity = np.empty(len(left), np.float64)
        lengths = self.sizes[left] + self.sizes[right]
        ends = np.cumsum(lengths)
        first = 0
        while first < len(left):
            done = ends[first - 1] if first else 0
            last = max(first + 1, int(np.searchsorted(ends, done + _PAIR_ELEMENTS, side="right")))
            last = min(last, first + _PAIRS)
            # Mapped again for each part, so that pages read for earlier parts are released.
            mapped = np.memmap(self.file, np.uint64, "r")
            similarity[first:last] = self._part(mapped, left[first:last], right[first:last])
            first = last
        return similarity

    def compare(self, left: I64, right: I64, threshold: Threshold) -> tuple[NDArray[np.bool_], F64]:
        """Whether ``left[i]`` and ``right[i]`` are near-duplicates, and their exact Jaccard similarity."""
        similarity = self.jaccard(left, right)
        return threshold.reached(similarity, self.sizes[left], self.sizes[right]), similarity

    def slices(self, sets: I64, elements: int) -> Iterator[tuple[I64, U64]]:
        """All shingles of ``sets``, in batches of whole sets with about ``elements`` shingles.

        :returns: For each batch the set's number and the hash of each shingle.
        """
        ends = np.cumsum(self.sizes[sets])
        first = 0
        while first < len(ends):
            done = ends[first - 1] if first else 0
            last = max(first + 1, int(np.searchsorted(ends, done + elements, side="right")))
            part = sets[first:last]
            mapped = np.memmap(self.file, np.uint64, "r")
            yield np.repeat(part, self.sizes[part]), mapped[ranges_of(self.starts[part], self.sizes[part])]
            first = last

    def _part(self, mapped: U64, left: I64, right: I64) -> F64:
        common = count_shared(mapped, self.starts, self.sizes, left, right)
        return np.asarray(common / (self.sizes[left] + self.sizes[right] - common), np.float64)


def count_shared(values: U64, starts: I64, sizes: I64, left: I64, right: I64) -> I64:
    """Number of shingles that the sets of each pair share, of at most 16,384 pairs.

    :param values: Shingles of the sets, ascending inside each.
    :param starts: Where each set starts.
    """
    kernels = loaded()
    if kernels is not None:
        found, sides = np.empty(len(left), np.int64), (np.ascontiguousarray(side) for side in (left, right))
        kernels.call("count_shared", values, starts, sizes, *sides, len(left), found)
        return found
    pairs = np.arange(len(left), dtype=np.uint64) << HASH_BITS
    keys = np.concatenate(
        [np.repeat(pairs, sizes[side]) | values[ranges_of(starts[side], sizes[side])] for side in (left, right)]
    )
    keys.sort(kind="stable")  # two ascending runs: one merge
    shared = keys[1:][keys[1:] == keys[:-1]] >> HASH_BITS
    return np.bincount(shared.astype(np.int64), minlength=len(left))

"""MinHash signatures, banded for a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nyxqa.builders.dedup.word_hashes import I64, U64, mix
from nyxqa.schemas.errors import UsageError

RECALL = 0.99  # of the pairs whose Jaccard similarity is the threshold; higher for more similar pairs
_BLOCK = 1 << 16  # shingles processed at once, so that a block and its product stay in the cache


@dataclass(frozen=True)
class Banding:
    """``bands`` bands of ``rows`` permutations each; texts that agree in all rows of a band are candidates."""

    bands: int
    rows: int

    def recall(self, similarity: float) -> float:
        """Chance that a pair of this Jaccard similarity becomes a candidate."""
        return float(1 - (1 - similarity**self.rows) ** self.bands)


def banding(threshold: float, permutations: int) -> Banding:
    """The widest bands, so the fewest candidates, that find 99 % of the pairs at the threshold.

    :raises UsageError: If no banding of so few permutations reaches this recall.
    """
    for rows in range(permutations, 0, -1):
        choice = Banding(permutations // rows, rows)
        if choice.recall(threshold) >= RECALL:
            return choice
    raise UsageError(
        f"{permutations} permutations cannot find pairs at a similarity of {threshold}: raise dedup.permutations "
        "or dedup.threshold"
    )


def band_keys(values: U64, sizes: I64, layout: Banding) -> U64:
    """One 64-bit key for each set and band, shape (bands, sets).

    :param values: Shingle hashes, set after set.
    :param sizes: Shingles of each set, all above 0.
    """
    minima = _minima(values, sizes, layout.bands * layout.rows)
    keys = np.zeros((layout.bands, len(sizes)), np.uint64)
    for permutation, row in enumerate(minima):
        band = permutation // layout.rows
        keys[band] = mix(keys[band] * np.uint64(0xD6E8FEB86659FD93) + row + np.uint64(1))
    return keys


def _minima(values: U64, sizes: I64, permutations: int) -> NDArray[np.uint32]:
    """Smallest permuted shingle of each set, shape (permutations, sets).

    A permutation multiplies 32 bits of the hash by an odd number; its high bits, which decide the minimum, are mixed.
    """
    low = values.astype(np.uint32)
    starts = np.cumsum(sizes) - sizes
    minima = np.empty((permutations, len(sizes)), np.uint32)
    for first, last in _blocks(starts, len(values)):
        begin, end = starts[first], starts[last] if last < len(starts) else len(values)
        part, cuts = low[begin:end], starts[first:last] - begin
        product = np.empty_like(part)
        for permutation, factor in enumerate(factors(permutations)):
            np.multiply(part, factor, out=product)
            np.minimum.reduceat(product, cuts, out=minima[permutation, first:last])
    return minima


def factors(permutations: int) -> NDArray[np.uint32]:
    """The odd numbers that the permutations multiply by."""
    return (mix(np.arange(1, permutations + 1, dtype=np.uint64)) >> np.uint64(32)).astype(np.uint32) | np.uint32(1)


def _blocks(starts: I64, total: int) -> list[tuple[int, int]]:
    """Ranges of whole sets of about a block of shingles."""
    marks = np.unique(np.searchsorted(starts, np.arange(0, total, _BLOCK)))
    edges = [0, *[int(mark) for mark in marks if 0 < mark < len(starts)], len(starts)]
    return [(first, last) for first, last in pairwise(edges) if last > first]


def set_keys(values: U64, sizes: I64) -> tuple[U64, U64]:
    """128 bits that equal sets share: a sum and a running exclusive-or of mixed shingles, of sets above size 0."""
    starts = np.cumsum(sizes) - sizes
    if not len(starts):
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    return (
        np.add.reduceat(mix(values), starts),
        np.bitwise_xor.reduceat(mix(values ^ np.uint64(0xA0761D6478BD642F)), starts),
    )

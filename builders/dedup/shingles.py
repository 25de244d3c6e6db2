"""Texts as sets of word shingles, in flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nyxqa.builders.dedup.word_hashes import I64, U64, mix, word_hashes

BATCH_TEXTS = 1 << 14
HASH_BITS = np.uint64(64 - 14)  # of a shingle; the others number the text
_ORDER = np.uint64(0xD6E8FEB86659FD93)  # odd, so that the order of words matters
_HASH_MASK = np.uint64((1 << 50) - 1)


@dataclass(frozen=True)
class ShingleSets:
    """The distinct shingles of some texts.

    :param values: 50-bit hashes, set after set, ascending inside each. Two sets of 100 shingles share a hash by
        accident with a chance of 1e-11.
    :param sizes: Number of shingles of each text; 0 where the text has no word.
    :param words: Number of words of each text.
    """

    values: U64
    sizes: I64
    words: I64


def shingle_sets(texts: Sequence[str] | pa.Array, shingle: int) -> ShingleSets:
    """The shingles of ``shingle`` consecutive words of each text, at most 16,384 texts at a time.

    A text of fewer words has one shingle of all its words, which differs from those of longer texts: such texts are
    near-duplicates only if equal. A text without words has no shingle.
    """
    hashes, counts = word_hashes(texts)
    firsts = np.cumsum(counts) - counts
    owners = np.repeat(np.arange(len(texts)), counts)
    positions = run_starts(counts, shingle)
    found, belongs = [run_hashes(hashes, positions, shingle)], [owners[positions]]
    for length in range(1, shingle):
        short = np.flatnonzero(counts == length)
        found.append(run_hashes(hashes, firsts[short], length))
        belongs.append(short)
    return _distinct(np.concatenate(found), np.concatenate(belongs), counts)


def run_starts(counts: I64, length: int) -> I64:
    """Positions of the words that start a run of ``length`` words of one text, int64.

    :param counts: Number of words of each text, whose words are concatenated.
    """
    stops = np.cumsum(counts)
    whole = np.ones(int(stops[-1]) if len(stops) else 0, bool)
    for back in range(1, length):
        whole[stops[counts >= back] - back] = False
    return np.flatnonzero(whole)


def run_hashes(hashes: U64, positions: I64, length: int) -> U64:
    """A hash of each run of ``length`` words from ``positions`` on; runs of different lengths have different hashes.

    :param hashes: Hashes of the words.
    """
    combined = np.full(len(positions), length, np.uint64)
    for ahead in range(length):
        combined *= _ORDER
        combined += hashes[positions + ahead]
    return mix(combined)


def _distinct(found: U64, belongs: I64, counts: I64) -> ShingleSets:
    """Sort by (text, hash) in one pass by packing both into 64 bits."""
    keys = (belongs.astype(np.uint64) << HASH_BITS) | (found & _HASH_MASK)
    keys.sort()
    first = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    keys = keys[first]
    sizes = np.bincount((keys >> HASH_BITS).astype(np.int64), minlength=len(counts)).astype(np.int64)
    return ShingleSets(keys & _HASH_MASK, sizes, counts)

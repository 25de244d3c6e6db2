"""The band keys of all documents on disk, and the pairs of texts that share one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nyxqa.builders.dedup.word_hashes import I64, U64

_GROUP_BYTES = 64 << 20  # of the bands read at once
_ROWS = 1 << 16  # rows of the file read at once
_PAIRS = 1 << 18  # pairs made at once
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class BandKeys:
    """Keys of texts in a file, the bands of a document beside each other.

    :param file: uint64 [documents, bands].
    :param bands: Number of bands.
    :param places: For each text the row of a document that has it, int64.
    """

    file: Path
    bands: int
    places: I64

    def groups(self) -> list[tuple[int, int]]:
        """Ranges of bands that are read at once."""
        each = max(1, _GROUP_BYTES // (8 * max(1, len(self.places))))
        return [(first, min(first + each, self.bands)) for first in range(0, self.bands, each)]

    def read(self, first: int, last: int) -> U64:
        """The keys of all texts in these bands, uint64 [bands, texts]."""
        keys = np.empty((last - first, len(self.places)), np.uint64)
        for start in range(0, len(self.places), _ROWS):
            stop = start + _ROWS
            # Mapped again for each part, so that pages read for earlier parts are released.
            keys[:, start:stop] = self._mapped()[self.places[start:stop], first:last].T
        return keys

    def met_before(self, band: int, left: I64, right: I64) -> NDArray[np.bool_]:
        """Whether the texts ``left[i]`` and ``right[i]`` share a band before this one."""
        met = np.zeros(len(left), np.bool_)
        if band:
            for start in range(0, len(left), _ROWS):
                mapped, part = self._mapped(), slice(start, start + _ROWS)
                one, other = mapped[self.places[left[part]], :band], mapped[self.places[right[part]], :band]
                met[part] = (one == other).any(axis=1)
        return met

    def _mapped(self) -> U64:
        return np.memmap(self.file, np.uint64, "r").reshape(-1, self.bands)


@dataclass(frozen=True)
class Buckets:
    """Texts that share a key.

    :param members: Texts, bucket after bucket in order of the key, ascending in each, int64.
    :param keys: Key of each bucket.
    :param sizes: Texts of each bucket, two or more.
    """

    members: I64
    keys: U64
    sizes: I64

    def chosen(self, which: NDArray[np.bool_]) -> Buckets:
        """Some of the buckets."""
        return Buckets(self.members[np.repeat(which, self.sizes)], self.keys[which], self.sizes[which])

    def pairs(self) -> Iterator[tuple[I64, I64]]:
        """All pairs of texts of a bucket, the smaller text first, many at a time."""
        ends = np.cumsum(self.sizes * (self.sizes - 1) // 2)
        stops = np.cumsum(self.sizes)
        first = 0
        while first < len(ends):
            done = ends[first - 1] if first else 0
            last = max(first + 1, int(np.searchsorted(ends, done + _PAIRS, side="right")))
            start = int(stops[first] - self.sizes[first])
            yield _pairs(self.members[start : stops[last - 1]], self.sizes[first:last])
            first = last


def _pairs(members: I64, sizes: I64) -> tuple[I64, I64]:
    """Every member with those behind it in its bucket."""
    behind = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(members)) - 1
    left = np.repeat(np.arange(len(members)), behind)
    steps = np.arange(len(left)) - np.repeat(np.cumsum(behind) - behind, behind) + 1
    return members[left], members[left + steps]


def shared_keys(keys: U64) -> Buckets:
    """The texts whose key another text has too.

    :param keys: A key for each text.
    """
    texts = _maybe_shared(keys)
    order = np.argsort(keys[texts], kind="stable")
    texts = texts[order]
    ordered = keys[texts]
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(ordered)), np.bool_), ordered[1:] != ordered[:-1]]))
    sizes = np.diff(starts, append=len(ordered))
    every = Buckets(texts, ordered[starts], sizes)
    return every.chosen(sizes > 1)


def _maybe_shared(keys: U64) -> I64:
    """The texts whose key may occur twice, ascending: all that do, and few others. Sorting these alone saves time."""
    bits = max(4, (4 * len(keys)).bit_length())
    slots = ((keys * _SPREAD) >> np.uint64(64 - bits)).astype(np.int64)
    numbers = np.arange(len(keys), dtype=np.int32 if len(keys) < 1 << 31 else np.int64)
    owner = np.empty(1 << bits, numbers.dtype)
    owner[slots] = numbers  # of the texts of a slot one stays
    others = owner[slots] != numbers
    shared = np.zeros(1 << bits, np.bool_)
    shared[slots[others]] = True
    return np.flatnonzero(shared[slots])

"""Pairs of near-duplicate texts: from shared LSH bands to exact Jaccard similarity."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from nyxqa.builders.dedup.arrow_arrays import arrow_table, numbers
from nyxqa.builders.dedup.band_keys import BandKeys, shared_keys
from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.shingle_store import SetStore
from nyxqa.builders.dedup.threshold import Threshold
from nyxqa.builders.dedup.word_hashes import F64, I64

# The texts of a larger bucket are not all compared with each other: at most 100 candidates for each text and band.
MAX_BUCKET = 200
_VERIFY_PAIRS = 1 << 18


def find_text_pairs(database: Database, store: SetStore, keys: BandKeys, threshold: Threshold) -> None:
    """Fill ``text_pair(a, b, similarity, level)`` with near-duplicates ``a < b`` that share a band.

    Each pair is found once: in the first band it shares. Buckets of more than ``MAX_BUCKET`` texts go to the table
    ``large_bucket(band, key, t)``, for ``connect_large_buckets``.
    """
    database.run("CREATE TABLE IF NOT EXISTS text_pair (a BIGINT, b BIGINT, similarity DOUBLE, level DOUBLE)")
    database.run("CREATE TABLE IF NOT EXISTS large_bucket (band INTEGER, key UBIGINT, t BIGINT)")
    for first, last in keys.groups():
        database.once(f"bands {first} to {last}", partial(_band_pairs, database, store, keys, threshold, first, last))


def _band_pairs(
    database: Database, store: SetStore, keys: BandKeys, threshold: Threshold, first: int, last: int
) -> None:
    waiting: list[tuple[I64, I64]] = []
    count = 0
    for left, right in _candidates(database, store, keys, threshold, first, last):
        waiting.append((left, right))
        count += len(left)
        if count >= _VERIFY_PAIRS:
            verify_pairs(database, store, threshold, *_joined(waiting), "text_pair")
            waiting, count = [], 0
    verify_pairs(database, store, threshold, *_joined(waiting), "text_pair")


def _joined(pairs: list[tuple[I64, I64]]) -> tuple[I64, I64]:
    nothing = np.zeros(0, np.int64)
    return np.concatenate([nothing, *(a for a, _ in pairs)]), np.concatenate([nothing, *(b for _, b in pairs)])


def _candidates(
    database: Database, store: SetStore, keys: BandKeys, threshold: Threshold, first: int, last: int
) -> Iterator[tuple[I64, I64]]:
    for band, own in enumerate(keys.read(first, last), first):
        buckets = shared_keys(own)
        large = buckets.chosen(buckets.sizes > MAX_BUCKET)
        if len(large.members):
            named = {"key": np.repeat(large.keys, large.sizes), "t": large.members}
            database.append("large_bucket", arrow_table({"band": np.full(len(large.members), band, np.int32), **named}))
        for left, right in buckets.chosen(buckets.sizes <= MAX_BUCKET).pairs():
            similar = threshold.sizes_allow(store.sizes[left], store.sizes[right])
            left, right = left[similar], right[similar]
            fresh = ~keys.met_before(band, left, right)
            yield left[fresh], right[fresh]


def verify(database: Database, store: SetStore, threshold: Threshold, candidates: str, target: str) -> None:
    """Add to ``target(a, b, similarity, level)`` the candidates that are near-duplicates by their exact similarity.

    :param candidates: Table of ``a``, ``b``, texts by their number ``t``.
    """
    for piece in database.slices(candidates, "a, b", _VERIFY_PAIRS):
        left, right = numbers(piece["a"]), numbers(piece["b"])
        verify_pairs(database, store, threshold, left, right, target)


def verify_pairs(database: Database, store: SetStore, threshold: Threshold, left: I64, right: I64, target: str) -> None:
    """Add to ``target`` those of the pairs ``left[i]``, ``right[i]`` of texts that are near-duplicates."""
    similar, similarity = store.compare(left, right, threshold)
    add_pairs(database, target, left[similar], right[similar], similarity[similar], threshold)


def add_pairs(database: Database, target: str, left: I64, right: I64, similarity: F64, threshold: Threshold) -> None:
    """Add near-duplicate pairs to ``target``; ``level`` records the threshold they were found at."""
    if len(left):
        level = np.full(len(left), threshold.value)
        database.append(target, arrow_table({"a": left, "b": right, "similarity": similarity, "level": level}))

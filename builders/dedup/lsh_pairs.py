"""Pairs of near-duplicate texts: from shared LSH bands to exact Jaccard similarity."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.shingle_store import SetStore
from nyxqa.builders.dedup.threshold import Threshold
from nyxqa.builders.dedup.word_hashes import F64, I64

# The texts of a larger bucket are not all compared with each other: at most 100 candidates for each text and band.
MAX_BUCKET = 200
_VERIFY_PAIRS = 1 << 18


def find_text_pairs(database: Database, store: SetStore, threshold: Threshold, bands: int) -> None:
    """Fill ``text_pair(a, b, similarity, level)`` with near-duplicates ``a < b`` that share a band.

    Each pair is found once: in the first band it shares. Buckets of more than ``MAX_BUCKET`` texts go to the table
    ``large_bucket(band, key)``, for ``connect_large_buckets``.
    """
    database.run("CREATE TABLE IF NOT EXISTS text_pair (a BIGINT, b BIGINT, similarity DOUBLE, level DOUBLE)")
    database.run("CREATE TABLE IF NOT EXISTS large_bucket (band INTEGER, key UBIGINT)")
    for band in range(bands):
        database.once(f"band {band}", partial(_band_pairs, database, store, threshold, band))


def _band_pairs(database: Database, store: SetStore, threshold: Threshold, band: int) -> None:
    key = f"k{band}"
    database.run(
        f"CREATE OR REPLACE TEMP TABLE bucket AS SELECT {key} AS key, count(*) AS texts FROM text GROUP BY {key} "
        "HAVING count(*) > 1"
    )
    database.run(f"INSERT INTO large_bucket SELECT {band}, key FROM bucket WHERE texts > {MAX_BUCKET}")
    known = "".join(f" AND a.k{earlier} <> b.k{earlier}" for earlier in range(band))
    names = ", ".join(["t", "size", *(f"k{index}" for index in range(band + 1))])
    database.run(
        f"CREATE OR REPLACE TEMP TABLE bucket_text AS SELECT {names} FROM text "
        f"WHERE {key} IN (SELECT key FROM bucket WHERE texts <= {MAX_BUCKET})"
    )
    database.run(
        f"CREATE OR REPLACE TEMP TABLE candidate AS SELECT a.t AS a, b.t AS b FROM bucket_text a JOIN bucket_text b "
        f"ON a.{key} = b.{key} AND a.t < b.t WHERE {threshold.similar_sizes('a.size', 'b.size')}{known}"
    )
    verify(database, store, threshold, "candidate", "text_pair")


def verify(database: Database, store: SetStore, threshold: Threshold, candidates: str, target: str) -> None:
    """Add to ``target(a, b, similarity, level)`` the candidates that are near-duplicates by their exact similarity.

    :param candidates: Table of ``a``, ``b``, texts by their number ``t``.
    """
    for piece in database.slices(candidates, "a, b", _VERIFY_PAIRS):
        left, right = piece["a"].to_numpy(), piece["b"].to_numpy()
        similar, similarity = store.compare(left, right, threshold)
        add_pairs(database, target, left[similar], right[similar], similarity[similar], threshold)


def add_pairs(database: Database, target: str, left: I64, right: I64, similarity: F64, threshold: Threshold) -> None:
    """Add near-duplicate pairs to ``target``; ``level`` records the threshold they were found at."""
    if len(left):
        level = np.full(len(left), threshold.value)
        database.append(target, pa.table({"a": left, "b": right, "similarity": similarity, "level": level}))

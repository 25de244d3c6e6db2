"""Pairs of texts alike: from shared bands to exact Jaccard similarity."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.shingle_store import F64, SetStore
from nyxqa.builders.dedup.word_hashes import I64

# A band shared by more texts is not compared all with all, which bounds the pairs by 100 a text and band.
CROWD = 200
_VERIFY_PAIRS = 1 << 18


def find_text_pairs(database: Database, store: SetStore, threshold: float, bands: int) -> None:
    """Table ``text_pair(a, b, similarity, level)`` of texts ``a < b`` that share a band and are alike; and ``crowd``.

    Each pair is found once: in the first band it shares. Bands that more than ``CROWD`` texts share go to the table
    ``crowd(band, key)``, for ``connect_crowds``.
    """
    database.run("CREATE TABLE IF NOT EXISTS text_pair (a BIGINT, b BIGINT, similarity DOUBLE, level DOUBLE)")
    database.run("CREATE TABLE IF NOT EXISTS crowd (band INTEGER, key UBIGINT)")
    for band in range(bands):
        database.once(f"band {band}", partial(_band_pairs, database, store, threshold, band))


def _band_pairs(database: Database, store: SetStore, threshold: float, band: int) -> None:
    key = f"k{band}"
    database.run(
        f"CREATE OR REPLACE TEMP TABLE bucket AS SELECT {key} AS key, count(*) AS texts FROM text GROUP BY {key} "
        "HAVING count(*) > 1"
    )
    database.run(f"INSERT INTO crowd SELECT {band}, key FROM bucket WHERE texts > {CROWD}")
    known = "".join(f" AND a.k{earlier} <> b.k{earlier}" for earlier in range(band))
    names = ", ".join(["t", "size", *(f"k{index}" for index in range(band + 1))])
    database.run(
        f"CREATE OR REPLACE TEMP TABLE bucket_text AS SELECT {names} FROM text "
        f"WHERE {key} IN (SELECT key FROM bucket WHERE texts <= {CROWD})"
    )
    database.run(
        f"CREATE OR REPLACE TEMP TABLE candidate AS SELECT a.t AS a, b.t AS b FROM bucket_text a JOIN bucket_text b "
        f"ON a.{key} = b.{key} AND a.t < b.t WHERE {similar_sizes('a.size', 'b.size', threshold)}{known}"
    )
    verify(database, store, threshold, "candidate", "text_pair")


def similar_sizes(left: str, right: str, threshold: float) -> str:
    """SQL: sets of these sizes can be alike (with room for rounding)."""
    return f"least({left}, {right}) >= {threshold!r} * greatest({left}, {right}) - 1e-6"


def verify(database: Database, store: SetStore, threshold: float, candidates: str, target: str) -> None:
    """Add to ``target(a, b, similarity, level)`` the candidates whose exact Jaccard similarity reaches the threshold.

    :param candidates: Table of ``a``, ``b``, texts by their number ``t``.
    """
    for piece in database.slices(candidates, "a, b", _VERIFY_PAIRS):
        left, right = piece["a"].to_numpy(), piece["b"].to_numpy()
        add_pairs(database, target, left, right, store.jaccard(left, right), threshold)


def add_pairs(database: Database, target: str, left: I64, right: I64, similarity: F64, threshold: float) -> None:
    """Add to ``target`` the pairs that reach the threshold, which ``level`` records."""
    alike = similarity >= threshold
    if alike.any():
        level = np.full(int(alike.sum()), threshold)
        rows = {"a": left[alike], "b": right[alike], "similarity": similarity[alike], "level": level}
        database.append(target, pa.table(rows))

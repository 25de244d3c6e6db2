"""Large LSH buckets: bands shared by so many texts that comparing all pairs would be too expensive."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from nyxqa.builders.dedup.arrow_arrays import arrow_table, numbers
from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.lsh_pairs import add_pairs
from nyxqa.builders.dedup.prefix_filter import make_prefixes, prefixes_meet
from nyxqa.builders.dedup.shingle_store import SetStore
from nyxqa.builders.dedup.threshold import Threshold
from nyxqa.builders.dedup.union_find import Components
from nyxqa.builders.dedup.word_hashes import F64, I64

_STAR_SHARE = 10  # a star is worthwhile if it contains one in this many of the remaining texts
_MISSES = 2  # rounds without such a star before the prefix filter takes over
_VERIFY_PAIRS = 1 << 18


def connect_large_buckets(
    database: Database, store: SetStore, components: Components, things: str, threshold: Threshold, target: str
) -> None:
    """Connect in ``components`` what all near-duplicate pairs inside large buckets connect, without making all pairs.

    Large clusters, such as pages made from one template, are connected by stars: one comparison for each member. What
    is then still unconnected is compared by the exact prefix filter, across components only. The pairs that connect
    go to ``target(a, b, similarity, level)``.

    :param things: SQL for ``thing``, ``t``, ``part``: what is connected, its text, and the part; only things of one
        part are connected, and a part has each text once.
    """
    database.run("CREATE OR REPLACE TEMP TABLE apart (thing BIGINT, t BIGINT, part BIGINT)")
    for band, key in database.rows("SELECT DISTINCT band, key FROM large_bucket ORDER BY band, key"):
        members = database.table(
            f"SELECT part, thing, t FROM large_bucket JOIN ({things}) USING (t) WHERE band = {band} AND key = {key} "
            "ORDER BY part, thing"
        )
        parts = numbers(members["part"])
        bounds = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist(), len(parts)]
        for first, last in pairwise(bounds):
            group = members.slice(first, last - first)
            _join_stars(database, store, components, group, threshold, target)
            if last > first and not components.connected(numbers(group["thing"])):
                database.append("apart", group)
    _join_unconnected(database, store, components, threshold, target)


def _join_stars(
    database: Database, store: SetStore, components: Components, group: pa.Table, threshold: Threshold, target: str
) -> None:
    things, texts = numbers(group["thing"]), numbers(group["t"])
    if len(things) < 2 or components.connected(things):
        return
    for centre, others, similarity in _stars(store, texts, threshold):
        a, b = np.full(len(others), things[centre]), things[others]
        components.join(a, b)
        add_pairs(database, target, np.minimum(a, b), np.maximum(a, b), similarity, threshold)


def _stars(store: SetStore, texts: I64, threshold: Threshold) -> Iterator[tuple[int, I64, F64]]:
    """A text and its near-duplicates, by position, then the same among the rest, while stars are worthwhile."""
    active, misses = np.arange(len(texts)), 0
    while len(active) > 1 and misses < _MISSES:
        centre, rest = int(active[0]), active[1:]
        similar, similarity = store.compare(np.full(len(rest), texts[centre]), texts[rest], threshold)
        yield centre, rest[similar], similarity[similar]
        misses += int(similar.sum()) * _STAR_SHARE < len(rest)
        active = rest[~similar]


def _join_unconnected(
    database: Database, store: SetStore, components: Components, threshold: Threshold, target: str
) -> None:
    members = database.table("SELECT DISTINCT thing, t, part FROM apart ORDER BY thing")
    if not members.num_rows:
        return
    things, texts = numbers(members["thing"]), numbers(members["t"])
    distinct = np.unique(texts)
    make_prefixes(database, store, distinct, distinct, distinct, threshold)
    rows = {"thing": things, "t": texts, "part": members["part"], "label": components.roots(things)}
    database.run("CREATE OR REPLACE TEMP TABLE labelled (thing BIGINT, t BIGINT, part BIGINT, label BIGINT)")
    database.append("labelled", arrow_table(rows))
    known = "(SELECT * FROM prefix JOIN labelled USING (t))"
    database.run(
        "CREATE OR REPLACE TEMP TABLE candidate AS SELECT DISTINCT a.thing AS a, b.thing AS b, a.t AS ta, b.t AS tb "
        f"FROM {known} a JOIN {known} b ON a.hash = b.hash AND a.part = b.part "
        f"WHERE a.label <> b.label AND {prefixes_meet(threshold)}"
    )
    for piece in database.slices("candidate", "a, b, ta, tb", _VERIFY_PAIRS):
        a, b, left, right = (numbers(piece[name]) for name in ("a", "b", "ta", "tb"))
        similar, similarity = store.compare(left, right, threshold)
        a, b = a[similar], b[similar]
        components.join(a, b)
        add_pairs(database, target, np.minimum(a, b), np.maximum(a, b), similarity[similar], threshold)

"""Crowds: bands shared by so many texts that comparing all with all would be quadratic."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.lsh_pairs import add_pairs
from nyxqa.builders.dedup.prefix_filter import make_prefixes, meeting
from nyxqa.builders.dedup.shingle_store import F64, SetStore
from nyxqa.builders.dedup.union_find import Components
from nyxqa.builders.dedup.word_hashes import I64

_FAMILY = 10  # a star is worth a round if it takes in one of so many texts
_MISSES = 2  # rounds without such a star before the prefixes take over
_VERIFY_PAIRS = 1 << 18


def connect_crowds(
    database: Database, store: SetStore, components: Components, things: str, threshold: float, target: str
) -> None:
    """Connect in ``components`` exactly what all pairs alike inside the crowds would connect, without making them all.

    Big families, such as pages made from one template, are taken in by stars: one comparison a member. What then
    still hangs apart is compared by the exact prefix method, across components only. The pairs that connect go to
    ``target(a, b, similarity, level)``.

    :param things: SQL for ``thing``, ``t``, ``part``: what is connected, its text, and the part inside which alone
        things are connected; a part has each text once.
    """
    database.run("CREATE OR REPLACE TEMP TABLE apart (thing BIGINT, t BIGINT, part BIGINT)")
    for band, key in database.rows("SELECT DISTINCT band, key FROM crowd ORDER BY band, key"):
        members = database.table(
            f"SELECT part, thing, t FROM text JOIN ({things}) USING (t) WHERE k{band} = {key} ORDER BY part, thing"
        )
        parts = members["part"].to_numpy()
        bounds = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist(), len(parts)]
        for first, last in pairwise(bounds):
            group = members.slice(first, last - first)
            _join_stars(database, store, components, group, threshold, target)
            if last > first and not components.together(group["thing"].to_numpy()):
                database.append("apart", group)
    _join_apart(database, store, components, threshold, target)


def _join_stars(
    database: Database, store: SetStore, components: Components, group: pa.Table, threshold: float, target: str
) -> None:
    things, texts = group["thing"].to_numpy(), group["t"].to_numpy()
    if len(things) < 2 or components.together(things):
        return
    for centre, others, similarity in _stars(store, texts, threshold):
        a, b = np.full(len(others), things[centre]), things[others]
        components.join(a, b)
        add_pairs(database, target, np.minimum(a, b), np.maximum(a, b), similarity, threshold)


def _stars(store: SetStore, texts: I64, threshold: float) -> Iterator[tuple[int, I64, F64]]:
    """A text and those alike to it, by place, then the same among the rest, as long as that takes in families."""
    active, misses = np.arange(len(texts)), 0
    while len(active) > 1 and misses < _MISSES:
        centre, rest = int(active[0]), active[1:]
        similarity = store.jaccard(np.full(len(rest), texts[centre]), texts[rest])
        alike = similarity >= threshold
        yield centre, rest[alike], similarity[alike]
        misses += int(alike.sum()) * _FAMILY < len(rest)
        active = rest[~alike]


def _join_apart(database: Database, store: SetStore, components: Components, threshold: float, target: str) -> None:
    members = database.table("SELECT DISTINCT thing, t, part FROM apart ORDER BY thing")
    if not members.num_rows:
        return
    things, texts = members["thing"].to_numpy(), members["t"].to_numpy()
    distinct = np.unique(texts)
    make_prefixes(database, store, distinct, distinct, distinct, threshold)
    rows = {"thing": things, "t": texts, "part": members["part"], "label": components.roots(things)}
    database.run("CREATE OR REPLACE TEMP TABLE labelled (thing BIGINT, t BIGINT, part BIGINT, label BIGINT)")
    database.append("labelled", pa.table(rows))
    known = "(SELECT * FROM prefix JOIN labelled USING (t))"
    database.run(
        "CREATE OR REPLACE TEMP TABLE candidate AS SELECT DISTINCT a.thing AS a, b.thing AS b, a.t AS ta, b.t AS tb "
        f"FROM {known} a JOIN {known} b ON a.hash = b.hash AND a.part = b.part "
        f"WHERE a.label <> b.label AND {meeting(threshold)}"
    )
    for piece in database.slices("candidate", "a, b, ta, tb", _VERIFY_PAIRS):
        a, b, left, right = (piece[name].to_numpy() for name in ("a", "b", "ta", "tb"))
        similarity = store.jaccard(left, right)
        alike = similarity >= threshold
        components.join(a[alike], b[alike])
        add_pairs(database, target, np.minimum(a, b), np.maximum(a, b), similarity, threshold)

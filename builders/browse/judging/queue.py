"""Which rows a reviewer sees, in which order: drawn by chance and stratified, with suspect ones between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import ceil
from typing import Any

from nyxqa.builders.browse.conditions import SUSPECT, condition, holding
from nyxqa.builders.report.locked_views import LockedViews
from nyxqa.schemas.sql import string_literal
from nyxqa.schemas.verdicts import Key

OVERLAP_ROWS = 100  # that all reviewers see at least
_EVERY = 4  # one suspect row after so many less one
_PROBED = 500  # rows whose negatives are searched for the answer
_SECONDS = 60.0
# Per stratum: its size, and the first rows by keyed hash. DuckDB keeps no more than those in memory.
_FIRST = """
SELECT split, dataset, kind, count(*) AS size,
       min_by({{'query_id': query_id, 'hash': hash}}, hash || query_id, {count}) AS first
FROM (SELECT split, dataset, kind, query_id, md5({key} || query_id) AS hash FROM triplets
      WHERE {where}) GROUP BY ALL ORDER BY ALL
"""
_SPLIT = "split = {split}"


@dataclass(frozen=True)
class QueuedRow:
    """A row to be reviewed.

    :param drawn: Whether it was drawn by chance, so that it counts in estimates.
    :param shared: Whether all reviewers see it.
    """

    key: Key
    drawn: bool
    shared: bool


@dataclass(frozen=True)
class QueueOptions:
    """What decides a queue.

    :param seed: Of the dataset.
    :param sample: Most rows.
    :param overlap: Share of the rows that all reviewers see, at least 100 rows; 0 for none.
    :param split: One split; all if empty.
    :param where: Condition over triplets, or the name of a preset.
    """

    seed: int = 0
    sample: int = 200
    overlap: float = 0.2
    split: str = ""
    where: str = ""


def make_queue(
    views: LockedViews, reviewer: str, options: QueueOptions, disagreed: Iterable[str] = ()
) -> list[QueuedRow]:
    """The rows for one reviewer, first those that all reviewers see.

    Under a condition no row counts as drawn: the rows that meet it stand for themselves.

    :param disagreed: Queries on which reviewers contradict each other, for the preset of that name.
    :raises UsageError: If the condition cannot be evaluated.
    """
    where = condition(options.where, disagreed)
    if options.split:
        where = f"{_SPLIT.format(split=string_literal(options.split))} AND {where}"
    shared = 0
    if options.overlap:
        shared = min(options.sample, max(OVERLAP_ROWS, ceil(options.overlap * options.sample)))
    counts = not options.where.strip()
    rows: dict[Key, QueuedRow] = {}
    for key, by_chance in _mixed(views, f"{options.seed}|review|", where, shared):
        rows[key] = QueuedRow(key, counts and by_chance, True)
    for key, by_chance in _mixed(views, f"{options.seed}|review|{reviewer}|", where, options.sample):
        if key in rows:
            rows[key] = replace(rows[key], drawn=rows[key].drawn or (counts and by_chance))
        elif len(rows) < options.sample:
            rows[key] = QueuedRow(key, counts and by_chance, False)
    return list(rows.values())


def _mixed(views: LockedViews, key: str, where: str, count: int) -> list[tuple[Key, bool]]:
    """``count`` rows, each with whether it was drawn by chance; the others are suspect ones that chance left out."""
    if not count:
        return []
    order = _stratified(views, key, where, count + _PROBED)
    suspects = iter(_suspects(views, key, where, order[count:], set(order[:count])))
    rows: list[tuple[Key, bool]] = []
    for row in order[:count]:
        if len(rows) % _EVERY == _EVERY - 1 and (suspect := next(suspects, None)) is not None:
            rows.append((suspect, False))
        rows.append((row, True))
    return rows[:count]


def _stratified(views: LockedViews, key: str, where: str, count: int) -> list[Key]:
    """The first rows by keyed hash, of each split, dataset and kind in proportion to its size."""
    placed = []
    for stratum in _strata(views, key, where, count):
        for place, row in enumerate(stratum["first"]):
            share = (place + 0.5) / stratum["size"]
            placed.append((share, row["hash"], (stratum["split"], stratum["dataset"], row["query_id"])))
    return [row for *_, row in sorted(placed)][:count]


def _suspects(views: LockedViews, key: str, where: str, candidates: Sequence[Key], drawn: set[Key]) -> list[Key]:
    """Rows on which miner, judge or rules disagree, without ``drawn`` ones.

    :param candidates: Rows whose negatives are searched for the answer.
    """
    count = len(drawn)
    strata = _strata(views, key, f"{where} AND {SUSPECT}", 2 * count)
    named = ", ".join(string_literal(query) for _, _, query in candidates)
    answering: set[str] = set()
    if named:
        found = views.rows(holding(f"query_id IN ({named})"), seconds=_SECONDS)
        answering = {row["query_id"] for row in found}
    first = [row for row in candidates if row[2] in answering]
    hashed = [
        (row["hash"], (stratum["split"], stratum["dataset"], row["query_id"]))
        for stratum in strata
        for row in stratum["first"]
    ]
    suspects = dict.fromkeys(row for pair in zip_longest(first, (row for _, row in sorted(hashed))) for row in pair)
    return [row for row in suspects if row is not None and row not in drawn]


def _strata(views: LockedViews, key: str, where: str, count: int) -> list[dict[str, Any]]:
    query = _FIRST.format(key=string_literal(key), where=where, count=count)
    return views.rows(query, seconds=_SECONDS)

"""Which rows a reviewer sees, in which order, and what all reviewers of a dataset said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import ceil
from pathlib import Path
from typing import Any

from nyxqa.builders.browse.dataset import SUSPECT, BrowsedDataset, condition, holding
from nyxqa.builders.report.agreement import CATEGORIES
from nyxqa.builders.report.locked_views import LockedViews
from nyxqa.builders.report.review_figures import ReviewableRow, Stratum, review_figures
from nyxqa.schemas.sql import string_literal
from nyxqa.schemas.verdicts import Key, Reviews, Verdict, read_reviews, verdict_files

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

_ROWS = """
SELECT split, dataset, query_id, kind, row_hash FROM triplets
WHERE query_id IN (SELECT unnest($ids::VARCHAR[]))
"""
_SIZES = "SELECT split, dataset, kind, count(*) AS rows FROM triplets GROUP BY ALL"
# Rows that verdicts have removed, which were in their split before.
_REMOVED = """
SELECT item_id, split, coalesce((SELECT any_value(kind) FROM corpus WHERE doc_id = parent_id), '') AS kind
FROM ledger WHERE stage = 'review' AND reason = 'reviewed_out'
"""


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

    Under a condition no row counts as drawn: the rows that meet it are no sample.

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


class ReviewFiles:
    """The files of verdicts that the dataset's recipe names.

    :param out: Folder of the dataset.
    :param patterns: ``review.files`` of its recipe.
    """

    def __init__(self, out: Path, patterns: Iterable[str]) -> None:
        self._out = out
        self._patterns = list(patterns)
        self._state: object = None
        self._reviews: Reviews = {}

    def read(self) -> Reviews:
        """The last verdicts by reviewer and row.

        :raises FormatError: If a line is not a verdict.
        """
        files = verdict_files(self._out, self._patterns)
        state = [(file, stat.st_mtime_ns, stat.st_size) for file in files for stat in (file.stat(),)]
        if state != self._state:
            self._reviews, self._state = read_reviews(files), state
        return self._reviews


def review_files(dataset: BrowsedDataset) -> ReviewFiles:
    """The files of verdicts of a dataset."""
    section = dataset.published.manifest.recipe.get("review", {})
    patterns = section.get("files") or ["review/*.jsonl"]
    return ReviewFiles(dataset.path, [str(pattern) for pattern in patterns])


def conflicts(reviews: Reviews) -> list[Key]:
    """Rows that some reviewers accept and others reject, as they saw the same row."""
    given: dict[tuple[Key, str], set[str]] = {}
    for own in reviews.values():
        for key, verdict in own.items():
            if verdict.verdict in CATEGORIES:
                given.setdefault((key, verdict.seen), set()).add(verdict.verdict)
    return sorted({key for (key, _), answers in given.items() if len(answers) > 1})


def answers(reviews: Reviews) -> list[Mapping[str, str]]:
    """Yes and no by reviewer, of each row as it was seen."""
    rows: dict[tuple[Key, str], dict[str, str]] = {}
    for reviewer, own in reviews.items():
        for key, verdict in own.items():
            if verdict.verdict in CATEGORIES:
                rows.setdefault((key, verdict.seen), {})[reviewer] = verdict.verdict
    return list(rows.values())


def on_row(reviews: Reviews, key: Key) -> dict[str, Verdict]:
    """The verdicts on one row by reviewer."""
    return {reviewer: own[key] for reviewer, own in reviews.items() if key in own}


def figures_by_split(dataset: BrowsedDataset, reviews: Reviews) -> dict[str, dict[str, Any]]:
    """The figures of each split with verdicts, over its rows before rejected ones left."""
    keys = sorted({key for own in reviews.values() for key in own})
    there: dict[Key, ReviewableRow] = {}
    for row in dataset.views.rows(_ROWS, {"ids": [key[2] for key in keys]}):
        key = (row["split"], row["dataset"], row["query_id"])
        there[key] = ReviewableRow(key, (row["dataset"], row["kind"]), row["row_hash"])
    sizes: dict[str, Counter[Stratum]] = {}
    for row in dataset.views.rows(_SIZES):
        sizes.setdefault(row["split"], Counter())[row["dataset"], row["kind"]] = row["rows"]
    removed = {(row["split"], row["item_id"]): row["kind"] for row in dataset.views.rows(_REMOVED)}
    for reviewer in reviews:
        for key, verdict in reviews[reviewer].items():
            if key not in there and (kind := removed.get((key[0], key[2]))) is not None:
                there[key] = ReviewableRow(key, (key[1], kind), verdict.seen)
                sizes.setdefault(key[0], Counter())[key[1], kind] += 1
    splits = [split for split in ("train", "validation", "test") if any(key[0] == split for key in keys)]
    return {split: review_figures(_of_split(reviews, split), there, sizes.get(split, Counter())) for split in splits}


def _of_split(reviews: Reviews, split: str) -> Reviews:
    own = {name: {key: one for key, one in given.items() if key[0] == split} for name, given in reviews.items()}
    return {name: given for name, given in own.items() if given}

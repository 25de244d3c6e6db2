"""The verdicts of all reviewers of a dataset, read again when a file changes, and what they say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nyxqa.builders.browse.dataset import BrowsedDataset
from nyxqa.builders.report.agreement import CATEGORIES
from nyxqa.builders.report.review_figures import ReviewableRow, Stratum, review_figures
from nyxqa.schemas.verdicts import Key, Reviews, Verdict, read_reviews, verdict_files

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

"""Which ranked candidates become negatives: exclusion rules, a window of ranks, a margin and a count."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")

# Column in which a candidate excluded by a rule has the same value as a positive.
_RULE_COLUMNS = {"page": "page_id", "cluster": "cluster", "equal": "key"}


class Candidate(NamedTuple, Generic[T]):
    """A retrieved document; ranks count from 1 over the raw list."""

    rank: int
    id: str
    document: T
    score: float


class Exclusion(NamedTuple, Generic[T]):
    """A rule by its name, and whether it excludes a document."""

    name: str
    excludes: Callable[[T], bool]


def rank_window(ranked: Sequence[T], ranks: Sequence[int]) -> Iterator[tuple[int, T]]:
    """Rank and entry of those whose rank, counted from 1, is within the first and last of ``ranks``."""
    first, last = ranks
    return enumerate(ranked[first - 1 : last], first)


def select_negatives(
    candidates: Iterable[Candidate[T]],
    positive_ids: Collection[str],
    exclusions: Sequence[Exclusion[T]] = (),
    max_score: float = math.inf,
    count: int | None = None,
) -> tuple[list[Candidate[T]], dict[str, int]]:
    """The first ``count`` candidates that no rule excludes, and how many each rule excluded.

    The id is checked first (``same``: a positive, or selected already), then the score (``margin``), then
    ``exclusions`` in their order, which should be that of their cost; the first rule that excludes a candidate is
    its reason.

    :param candidates: In rank order; read lazily, none after ``count`` are selected.
    :param max_score: Highest score of a negative; see ``max_negative_score``.
    """
    taken = set(positive_ids)
    selected: list[Candidate[T]] = []
    excluded: dict[str, int] = {}
    for candidate in candidates:
        if count is not None and len(selected) == count:
            break
        if candidate.id in taken:
            reason: str | None = "same"
        elif candidate.score > max_score:
            reason = "margin"
        else:
            reason = next((rule.name for rule in exclusions if rule.excludes(candidate.document)), None)
        if reason is None:
            taken.add(candidate.id)
            selected.append(candidate)
        else:
            excluded[reason] = excluded.get(reason, 0) + 1
    return selected, excluded


def column_exclusions(
    rules: Iterable[str], positives: Sequence[Mapping[str, Any]]
) -> list[Exclusion[Mapping[str, Any]]]:
    """Rules over rows: ``page``, ``cluster`` and ``equal`` exclude what has the page, cluster or key of a positive.

    Other rules are left out.

    An empty value, as the key of a text without words, equals nothing.

    :param positives: Rows with the columns of ``rules``: ``page_id``, ``cluster``, ``key``.
    """
    return [_column_exclusion(rule, _RULE_COLUMNS[rule], positives) for rule in rules if rule in _RULE_COLUMNS]


def _column_exclusion(rule: str, column: str, positives: Sequence[Mapping[str, Any]]) -> Exclusion[Mapping[str, Any]]:
    values = {row[column] for row in positives} - {""}
    return Exclusion(rule, lambda row: row[column] in values)


def max_negative_score(positive: float | None, margin: float | None) -> float:
    """Highest score that a negative may have (NV-Retriever, arXiv 2407.15831); infinity without a margin.

    It lies ``1 - margin`` of the positive's magnitude below the positive's score: for a negative score the plain
    product ``margin * positive`` would lie above it and exclude nothing. A positive that was not retrieved scores
    below every passage that was, so the result is minus infinity.

    :param positive: Score of the positive; None if it was not retrieved.
    """
    if margin is None:
        return math.inf
    return -math.inf if positive is None else positive - (1 - margin) * abs(positive)

"""Which ranked candidates become negatives: exclusions, ranks, margin and count, for pages and in general."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from nyxqa.builders.qa.answer_match import AnswerRule
from nyxqa.builders.qa.keys import text_key
from nyxqa.schemas.recipe import Negatives

T = TypeVar("T")

# Column in which a candidate excluded by a rule has the same value as a positive.
_RULE_COLUMNS = {"page": "page_id", "cluster": "cluster", "equal": "key"}

Row = Mapping[str, Any]
_DEPTH = 10  # with ``per_query``, ranks down to this many times ``count`` are looked at


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


def search_depth(settings: Negatives) -> int:
    """The last rank that may become a negative."""
    return max(settings.ranks[1], _DEPTH * settings.count if settings.per_query else 0)


def mine_page_question(
    document: Row,
    ranked: Sequence[tuple[Row, float]],
    settings: Negatives,
    answer: AnswerRule | None = None,
    second: Row | None = None,
) -> dict[str, Any]:
    """The mining columns of one question's row: ``positives`` and ``negative_ids``, ``_ranks`` and ``_scores``.

    Ranks count from 1 over the raw list. With a margin, a question whose positive was not retrieved has no negatives.

    :param document: The question's own document.
    :param ranked: Retrieved documents (``doc_id``, ``page_id``, ``cluster``, ``key``, ``folded``) and their scores,
        best first.
    :param answer: Which documents hold the answer, for rule ``answer``.
    :param second: The other document that the question needs, if it needs two.
    """
    known = [document] if second is None else [document, second]
    places = [_place(row["doc_id"], ranked) for row in known]
    score = places[0][1]
    exclusions = column_exclusions(settings.exclude, [{**row, "key": text_key(row["text"])} for row in known])
    if answer is not None and "answer" in settings.exclude:
        exclusions.append(Exclusion("answer", lambda row: answer.held_in(row["folded"])))
    window = (settings.ranks[0], search_depth(settings))
    selected, _ = select_negatives(
        (Candidate(at, row["doc_id"], row, found) for at, (row, found) in rank_window(ranked, window)),
        {row["doc_id"] for row in known},
        exclusions,
        max_negative_score(score, settings.margin),
        settings.count,
    )
    return {
        "positives": [
            {"doc_id": row["doc_id"], "rank": rank, "score": score, "origin": "source"}
            for row, (rank, score) in zip(known, places, strict=True)
        ],
        "negative_ids": [negative.id for negative in selected],
        "negative_ranks": [negative.rank for negative in selected],
        "negative_scores": [negative.score for negative in selected],
    }


def _place(doc_id: str, ranked: Sequence[tuple[Row, float]]) -> tuple[int | None, float | None]:
    """Rank and score of a document; None if it was not retrieved."""
    return next(((rank, score) for rank, (row, score) in enumerate(ranked, 1) if row["doc_id"] == doc_id), (None, None))

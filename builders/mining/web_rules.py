"""The positive and the negatives of a question asked about a page's document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nyxqa.builders.mining.negative_selection import (
    Candidate,
    Exclusion,
    column_exclusions,
    max_negative_score,
    rank_window,
    select_negatives,
)
from nyxqa.builders.qa.answer_match import AnswerRule
from nyxqa.builders.qa.keys import text_key
from nyxqa.schemas.recipe import Negatives

Row = Mapping[str, Any]

_DEPTH = 10  # with ``per_query``, ranks down to this many times ``count`` are looked at


def search_depth(settings: Negatives) -> int:
    """The last rank that may become a negative."""
    return max(settings.ranks[1], _DEPTH * settings.count if settings.per_query else 0)


def mine_page_question(
    document: Row, ranked: Sequence[tuple[Row, float]], settings: Negatives, answer: AnswerRule | None = None
) -> dict[str, Any]:
    """The mining columns of one question's row: ``positives`` and ``negative_ids``, ``_ranks`` and ``_scores``.

    Ranks count from 1 over the raw list. With a margin, a question whose positive was not retrieved has no negatives.

    :param document: The question's own document.
    :param ranked: Retrieved documents (``doc_id``, ``page_id``, ``cluster``, ``key``, ``folded``) and their scores,
        best first.
    :param answer: Which documents hold the answer, for rule ``answer``.
    """
    doc_id = document["doc_id"]
    rank, score = next(
        ((rank, score) for rank, (row, score) in enumerate(ranked, 1) if row["doc_id"] == doc_id), (None, None)
    )
    positive = {**document, "key": text_key(document["text"])}
    exclusions = column_exclusions(settings.exclude, [positive])
    if answer is not None and "answer" in settings.exclude:
        exclusions.append(Exclusion("answer", lambda row: answer.held_in(row["folded"])))
    window = (settings.ranks[0], search_depth(settings))
    selected, _ = select_negatives(
        (Candidate(at, row["doc_id"], row, found) for at, (row, found) in rank_window(ranked, window)),
        {doc_id},
        exclusions,
        max_negative_score(score, settings.margin),
        settings.count,
    )
    return {
        "positives": [{"doc_id": doc_id, "rank": rank, "score": score, "origin": "source"}],
        "negative_ids": [negative.id for negative in selected],
        "negative_ranks": [negative.rank for negative in selected],
        "negative_scores": [negative.score for negative in selected],
    }

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

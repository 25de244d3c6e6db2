"""Which ranked documents of a page question's pool become its negatives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nyxqa.builders.mining.margin import ceiling
from nyxqa.builders.qa.keys import text_key
from nyxqa.schemas.recipe import Negatives


def choose(
    document: Mapping[str, Any], ranked: Sequence[tuple[Mapping[str, Any], float]], settings: Negatives
) -> dict[str, Any]:
    """The positive with its rank and the negatives of one question.

    Ranks count from 1 over the raw list. With a margin a question whose positive was not retrieved has no negatives.

    :param ranked: What the search found, best first: rows of the index's table and scores.
    """
    own = next(((rank, known, score) for rank, (known, score) in enumerate(ranked, 1) if _is(known, document)), None)
    score_of_own = None if own is None else own[2]
    highest = math.inf if settings.margin is None else ceiling(score_of_own, settings.margin)
    first, last = settings.ranks
    key = text_key(document["text"]) if "equal" in settings.exclude else ""
    kept = [
        (rank, known["doc_id"], score)
        for rank, (known, score) in enumerate(ranked[:last], 1)
        if rank >= first and not _excluded(known, document, key, settings) and score <= highest
    ][: settings.count]
    positive = {
        "doc_id": document["doc_id"],
        "rank": None if own is None else own[0],
        "score": score_of_own,
        "origin": "source",
    }
    return {
        "positives": [positive],
        "negative_ids": [doc for _, doc, _ in kept],
        "negative_ranks": [rank for rank, _, _ in kept],
        "negative_scores": [score for _, _, score in kept],
    }


def _is(known: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    return bool(known["doc_id"] == document["doc_id"])


def _excluded(known: Mapping[str, Any], document: Mapping[str, Any], key: str, settings: Negatives) -> bool:
    rules = {
        "page": known["page_id"] == document["page_id"],
        "cluster": known["cluster"] == document["cluster"],
        "equal": known["key"] == key != "",
    }
    return _is(known, document) or any(rules[name] for name in settings.exclude)

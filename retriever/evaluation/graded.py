"""Figures from graded judgements (qrels): nDCG, a relevant document on top, how much was judged at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nyxqa.retriever.evaluation.ranking import DEPTH

GRADED_NDCG = f"graded_ndcg@{DEPTH}"
RELEVANT = "relevant@1"
JUDGED = f"judged@{DEPTH}"
UNJUDGED = f"unjudged@{DEPTH}"


def graded_measures(ranked: Sequence[int | None], grades: Sequence[int]) -> dict[str, float]:
    """Figures of one query.

    nDCG takes grades as gains, as trec_eval does; what was not judged gains nothing.

    :param ranked: Grade of each retrieved document, best ranked first; None where it was not judged.
    :param grades: Grades of all judged documents of the query.
    """
    top = list(ranked[:DEPTH])
    judged = sum(grade is not None for grade in top) / len(top) if top else 1.0
    ideal = _gain(sorted(grades, reverse=True)[:DEPTH])
    return {
        GRADED_NDCG: _gain([grade or 0 for grade in top]) / ideal if ideal else 0.0,
        RELEVANT: float(bool(top) and (top[0] or 0) > 0),
        JUDGED: judged,
        UNJUDGED: 1 - judged,
    }


def _gain(grades: Sequence[int]) -> float:
    ranks = np.arange(1, len(grades) + 1)
    return float((np.asarray(grades, dtype=np.float64) / np.log2(ranks + 1)).sum())

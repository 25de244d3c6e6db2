"""Ranks of a query's positives among all documents, and the metrics of ranks and of graded judgements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ranks = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]
Order = npt.NDArray[np.int64]

RECALLS = (1, 5, 10, 20)
DEPTH = 10  # of nDCG
METRICS = (*(f"recall@{k}" for k in RECALLS), "mrr", f"ndcg@{DEPTH}")
# Queries scored at once: with 100,000 documents a block of scores takes 100 MB.
_BLOCK = 256
GRADED_NDCG = f"graded_ndcg@{DEPTH}"
RELEVANT = "relevant@1"
JUDGED = f"judged@{DEPTH}"
UNJUDGED = f"unjudged@{DEPTH}"


class DenseRanker:
    """Ranks documents by inner product with a query; ties are broken by id.

    :param queries: float32 [queries, dim], already normalised if cosines are wanted.
    :param documents: float32 [documents, dim].
    :param order: int64 [documents], position of each when sorted by id.
    """

    def __init__(self, queries: Vectors, documents: Vectors, order: Order) -> None:
        self._queries, self._documents, self._order = queries, documents, order

    def ranks(self, positives: Sequence[Sequence[int]]) -> list[Ranks]:
        """For each query the ranks of its positives among all documents, from 1, ascending.

        :param positives: Row numbers of the positives of each query, in the order of the queries.
        """
        found: list[Ranks] = []
        for start in range(0, len(self._queries), _BLOCK):
            scores = self._queries[start : start + _BLOCK] @ self._documents.T
            for row, wanted in zip(scores, positives[start : start + _BLOCK], strict=True):
                found.append(self._ranks(row, wanted))
        return found

    def _ranks(self, scores: Vectors, wanted: Sequence[int]) -> Ranks:
        better = [
            np.count_nonzero(scores > scores[one])
            + np.count_nonzero((scores == scores[one]) & (self._order < self._order[one]))
            for one in wanted
        ]
        return np.sort(np.asarray(better, dtype=np.float64) + 1)


def id_order(ids: Sequence[str]) -> Order:
    """Position of each id in sorted order, int64 [ids]."""
    order = np.empty(len(ids), dtype=np.int64)
    order[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return order


def measures(ranks: Sequence[Ranks]) -> dict[str, npt.NDArray[np.float64]]:
    """Every metric of every query, float64 [queries] each.

    Recall is the share of a query's positives among the first k, MRR uses the best of them, nDCG uses binary
    relevance.
    """
    found = {f"recall@{k}": np.array([np.mean(one <= k) for one in ranks], dtype=np.float64) for k in RECALLS}
    found["mrr"] = np.array([1 / one[0] for one in ranks], dtype=np.float64)
    found[f"ndcg@{DEPTH}"] = np.array([_ndcg(one) for one in ranks], dtype=np.float64)
    return found


def _ndcg(ranks: Ranks) -> float:
    ideal = np.arange(1, min(len(ranks), DEPTH) + 1, dtype=np.float64)
    return float(_gain(ranks[ranks <= DEPTH]) / _gain(ideal))


def _gain(ranks: Ranks) -> float:
    return float((1 / np.log2(ranks + 1)).sum())


def graded_measures(ranked: Sequence[int | None], grades: Sequence[int]) -> dict[str, float]:
    """Figures of one query.

    nDCG takes grades as gains, as trec_eval does; what was not judged gains nothing.

    :param ranked: Grade of each retrieved document, best ranked first; None where it was not judged.
    :param grades: Grades of all judged documents of the query.
    """
    top = list(ranked[:DEPTH])
    judged = sum(grade is not None for grade in top) / len(top) if top else 1.0
    ideal = _gain_of_grades(sorted(grades, reverse=True)[:DEPTH])
    return {
        GRADED_NDCG: _gain_of_grades([grade or 0 for grade in top]) / ideal if ideal else 0.0,
        RELEVANT: float(bool(top) and (top[0] or 0) > 0),
        JUDGED: judged,
        UNJUDGED: 1 - judged,
    }


def _gain_of_grades(grades: Sequence[int]) -> float:
    ranks = np.arange(1, len(grades) + 1)
    return float((np.asarray(grades, dtype=np.float64) / np.log2(ranks + 1)).sum())

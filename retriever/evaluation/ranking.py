"""Ranks of a query's positives among all documents, and the metrics computed from them."""

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

"""Exact search by inner product over sharded vectors on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.protocols import Hits

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

# Queries searched at a time, FAISS's own block: the product with 1,024 vectors takes 16 MB.
QUERY_BLOCK = 4_096
# Below 20 queries FAISS uses another kernel, whose last digits differ; a smaller block is padded.
_FEWEST = 20
# Extra candidates beyond k, so that ties at rank k are noticed.
_SPARE = 4
# Candidates of all queries in memory at a time when lists are widened for ties (48 MB of rows and scores).
_MOST_CANDIDATES = 4_000_000


class Shards(Protocol):
    """Vectors in pieces."""

    def shards(self) -> Iterator[tuple[int, Vectors]]:
        """First row and vectors, float32 [rows, dimensions], of each piece in order."""
        ...


def search_vectors(queries: Vectors, vectors: Shards, k: int, order: Rows) -> Hits:
    """The ``k`` vectors of highest inner product with each query, best first; ties are broken by ``order``.

    One pass over the shards; memory is that of one shard, one block of products and 12 bytes for each of the
    ``k`` + 4 candidates of a query. Only queries with more ties than that at rank k are searched again.

    :param queries: float32 [queries, dimensions].
    :param order: int64 [rows], place of each row among all rows sorted by id.
    """
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    hits = Hits(np.full((len(queries), k), -1, dtype=np.int64), np.full((len(queries), k), -np.inf))
    if k:
        _search(queries, vectors, k + _SPARE, order, hits, np.arange(len(queries)))
    return hits


def _search(queries: Vectors, vectors: Shards, width: int, order: Rows, hits: Hits, numbers: Rows) -> None:
    """Fill in ``hits`` of the queries ``numbers`` from lists of ``width`` candidates, widened where ties continue."""
    candidates = _Candidates.empty(len(queries), width)
    for start, shard in vectors.shards():
        for first in range(0, len(queries), QUERY_BLOCK):
            block = slice(first, first + QUERY_BLOCK)
            scores, rows = _search_shard(queries[block], shard, width)
            candidates.merge(block, scores, rows + start)
    candidates.settle(order)
    k = hits.rows.shape[1]
    hits.rows[numbers] = candidates.rows[:, :k]
    hits.scores[numbers] = candidates.scores[:, :k]
    # Where the last candidate is tied with the k-th, more rows may have that score.
    endless = np.flatnonzero((candidates.rows[:, -1] >= 0) & (candidates.scores[:, k - 1] == candidates.scores[:, -1]))
    wider = 4 * width
    step = max(1, _MOST_CANDIDATES // wider)
    for first in range(0, len(endless), step):
        some = endless[first : first + step]
        _search(queries[some], vectors, wider, order, hits, numbers[some])


@dataclass(frozen=True)
class _Candidates:
    """The best so far: scores float32 [queries, width], highest first, and their rows, -1 where there is none."""

    scores: Vectors
    rows: Rows

    @classmethod
    def empty(cls, queries: int, width: int) -> _Candidates:
        return cls(np.full((queries, width), -np.inf, dtype=np.float32), np.full((queries, width), -1, dtype=np.int64))

    def merge(self, block: slice, scores: Vectors, rows: Rows) -> None:
        """Merge the candidates of a shard for a block of queries."""
        better = np.flatnonzero(scores[:, 0] > self.scores[block, -1]) if scores.shape[1] else np.empty(0, np.int64)
        if not len(better):
            return
        target = better + block.start
        if np.isneginf(self.scores[target, 0]).all() and scores.shape[1] == self.scores.shape[1]:
            self.scores[target], self.rows[target] = scores[better], rows[better]
            return
        all_scores = np.concatenate([self.scores[target], scores[better]], axis=1)
        all_rows = np.concatenate([self.rows[target], rows[better]], axis=1)
        best = np.argsort(-all_scores, axis=1, kind="stable")[:, : self.scores.shape[1]]
        self.scores[target] = np.take_along_axis(all_scores, best, axis=1)
        self.rows[target] = np.take_along_axis(all_rows, best, axis=1)

    def settle(self, order: Rows) -> None:
        """Order equal scores by id."""
        tied = (self.scores[:, 1:] == self.scores[:, :-1]) & (self.rows[:, 1:] >= 0)
        for query in np.flatnonzero(tied.any(axis=1)):
            rows = self.rows[query][self.rows[query] >= 0]
            self.rows[query, : len(rows)] = rows[np.lexsort((order[rows], -self.scores[query, : len(rows)]))]


def _search_shard(queries: Vectors, shard: Vectors, k: int) -> tuple[Vectors, Rows]:
    """FAISS flat search over the mapped vectors, without copying them."""
    import faiss

    count = len(queries)
    if count < _FEWEST:
        queries = np.concatenate([queries, np.zeros((_FEWEST - count, queries.shape[1]), dtype=np.float32)])
    scores, rows = faiss.knn(queries, shard, min(k, len(shard)), faiss.METRIC_INNER_PRODUCT)
    return scores[:count], rows[:count]

"""Exact search by inner product over vectors that lie in shards on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.encoder import Hits

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

# Queries searched at a time, FAISS's own block: the product with 1,024 vectors takes 16 MB.
QUERY_BLOCK = 4_096
# Below 20 queries FAISS multiplies in another way, with other last digits; a last block that small is filled up.
_FEWEST = 20
# Candidates kept beyond k, so that ties at the border are seen.
_SPARE = 4
# Scores of float32 vectors closer than this, relative to the product of the lengths, are compared again in float64:
# rounding stays below it up to some thousand dimensions (n/2 times 2**-24 at worst, its root as a rule).
_NEAR = 2e-6


class Shards(Protocol):
    """Vectors in pieces."""

    def shards(self) -> Iterator[tuple[int, Vectors]]:
        """First row and vectors, float32 [rows, dimensions], of each piece in order."""
        ...


def search_vectors(queries: Vectors, vectors: Shards, k: int, order: Rows) -> Hits:
    """The ``k`` vectors of highest inner product with each query, best first.

    One pass over the shards; memory is that of one shard, one block of products and 12 bytes for each of the
    ``k`` + 4 candidates of a query. Scores that float32 cannot tell apart are settled in float64, and what is equal
    then stands by ``order``.

    :param queries: float32 [queries, dimensions].
    :param order: int64 [rows], place of each row among all rows sorted by id.
    """
    candidates = _Candidates.empty(len(queries), k + _SPARE)
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    longest = 0.0
    for start, shard in vectors.shards():
        longest = max(longest, float(_lengths(shard).max(initial=0)))
        for first in range(0, len(queries), QUERY_BLOCK):
            block = slice(first, first + QUERY_BLOCK)
            scores, rows = _search_shard(queries[block], shard, k + _SPARE)
            candidates.merge(block, scores, rows + start)
    hits = Hits(candidates.rows[:, :k].copy(), candidates.scores[:, :k].astype(np.float64))
    slack = (_NEAR * longest * _lengths(queries)).astype(np.float32)
    _settle_ties(hits, candidates, slack, queries, vectors, order)
    return hits


@dataclass(frozen=True)
class _Candidates:
    """The best found so far: scores float32 [queries, width], highest first, and their rows, -1 where none."""

    scores: Vectors
    rows: Rows

    @classmethod
    def empty(cls, queries: int, width: int) -> _Candidates:
        return cls(np.full((queries, width), -np.inf, dtype=np.float32), np.full((queries, width), -1, dtype=np.int64))

    def merge(self, block: slice, scores: Vectors, rows: Rows) -> None:
        """Take in what a shard has for a block of queries."""
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


def _search_shard(queries: Vectors, shard: Vectors, k: int) -> tuple[Vectors, Rows]:
    """FAISS's flat search straight over the mapped vectors, without a copy of them."""
    import faiss

    count = len(queries)
    if count < _FEWEST:
        queries = np.concatenate([queries, np.zeros((_FEWEST - count, queries.shape[1]), dtype=np.float32)])
    scores, rows = faiss.knn(queries, shard, min(k, len(shard)), faiss.METRIC_INNER_PRODUCT)
    return scores[:count], rows[:count]


def _lengths(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return lengths


def _settle_ties(
    hits: Hits, candidates: _Candidates, slack: Vectors, queries: Vectors, vectors: Shards, order: Rows
) -> None:
    """Put right the queries with scores too near each other to be told apart in float32."""
    k = hits.rows.shape[1]
    if k == 0:
        return
    scores = np.where(candidates.rows >= 0, candidates.scores, np.float32(np.finfo(np.float32).min))
    tied = scores[:, :k] - scores[:, 1 : k + 1] <= slack[:, None]
    tied &= candidates.rows[:, 1 : k + 1] >= 0
    # Where even the last candidate is tied with the k-th, more such rows may lie beyond the candidates.
    endless = (candidates.rows[:, -1] >= 0) & (scores[:, k - 1] - scores[:, -1] <= slack)
    near = np.flatnonzero(tied.any(axis=1))
    if len(near):
        border = np.where(endless[near], scores[near, k - 1] - slack[near], np.float32(np.inf))
        _rescore(hits, near, candidates.rows, border, queries, vectors, order)


def _rescore(
    hits: Hits, near: Rows, candidates: Rows, border: Vectors, queries: Vectors, vectors: Shards, order: Rows
) -> None:
    """Second pass for the queries ``near``: candidates, and all rows above ``border``, in float64 and by id."""
    k = hits.rows.shape[1]
    best = [(np.empty(0), np.empty(0, dtype=np.int64)) for _ in near]
    endless = np.flatnonzero(np.isfinite(border))
    for start, shard in vectors.shards():
        inside = (candidates[near] >= start) & (candidates[near] < start + len(shard))
        beyond = _above(queries[near[endless]], shard, border[endless]) if len(endless) else []
        more = dict(zip(endless.tolist(), beyond, strict=True))
        for number in sorted({*np.flatnonzero(inside.any(axis=1)).tolist(), *more}):
            rows = more[number] if number in more else candidates[near[number]][inside[number]] - start
            if len(rows):
                found = (shard[rows].astype(np.float64) * queries[near[number]].astype(np.float64)).sum(axis=1)
                best[number] = _merge_exact(best[number], found, rows + start, k, order)
    for number, (scores, rows) in zip(near, best, strict=True):
        hits.scores[number, : len(rows)] = scores
        hits.rows[number, : len(rows)] = rows


def _above(queries: Vectors, shard: Vectors, border: Vectors) -> list[Rows]:
    """Rows of ``shard`` that score at least ``border`` with each query."""
    found: list[Rows] = []
    for first in range(0, len(queries), 256):
        products = queries[first : first + 256] @ shard.T
        found += [np.flatnonzero(row >= least) for row, least in zip(products, border[first:], strict=False)]
    return found


def _merge_exact(
    best: tuple[npt.NDArray[np.float64], Rows], scores: npt.NDArray[np.float64], rows: Rows, k: int, order: Rows
) -> tuple[npt.NDArray[np.float64], Rows]:
    scores, rows = np.concatenate([best[0], scores]), np.concatenate([best[1], rows])
    first = np.lexsort((order[rows], -scores))[:k]
    return scores[first], rows[first]

"""Approximate search for interactive use, with its recall measured on the queries asked; mining searches exactly."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.index.embeddings import Embeddings
from nyxqa.retriever.index.search import search_vectors
from nyxqa.retriever.protocols import Hits
from nyxqa.schemas.files import replacing, write_bytes

IndexKind = Literal["ivf", "hnsw"]
# Recall that the effort of a search is raised to, and queries that it is measured on: as many as exact search answers
# in moments.
TARGET = 0.95
MEASURED = 100
# Neighbours of an HNSW node and effort of its building: the values that its authors use (Malkov and Yashunin 2016).
_NEIGHBOURS, _BUILDING = 32, 200
# Rows from which IVF learns its cells: FAISS samples no more (256 a cell).
_SAMPLE_A_CELL = 256


@dataclass(frozen=True)
class Tuned:
    """How much an index looks at, and what it finds by that.

    :param recall: Share of the exact best that were found, measured on the first queries.
    :param effort: Cells probed (ivf) or candidates held (hnsw), raised until the recall reached the target.
    :param queries: Queries that the recall was measured on.
    """

    recall: float
    effort: int
    queries: int


class ApproximateIndex:
    """An index that is built once and kept in ``folder``; equal scores of what it finds are in the order of ids.

    :param fingerprint: Of the encoder; an index over vectors of another one is built again.
    :param order: int64 [rows], place of each row among all rows sorted by id.
    """

    def __init__(
        self, folder: Path, fingerprint: str, vectors: Embeddings, order: npt.NDArray[np.int64], kind: IndexKind
    ) -> None:
        self._vectors, self._order, self._kind = vectors, order, kind
        self._index = _index(folder, fingerprint, vectors, kind)

    def tune(self, queries: npt.NDArray[np.float32], k: int, at: int) -> Tuned:
        """Raise the effort until of the ``at`` best the target is found, or everything is looked at.

        :param k: Places that searches ask for.
        """
        some, at = np.ascontiguousarray(queries[:MEASURED]), min(at, k)
        exact = search_vectors(some, self._vectors, at, self._order).rows
        most = int(self._index.nlist) if self._kind == "ivf" else max(2_048, 4 * k)
        effort = min(most, 8 if self._kind == "ivf" else max(8, at))
        while True:
            recall = recall_of(exact, self.search(some, k, effort).rows[:, :at])
            if recall >= TARGET or effort >= most:
                return Tuned(recall, effort, len(some))
            effort = min(most, 2 * effort)

    def search(self, queries: npt.NDArray[np.float32], k: int, effort: int) -> Hits:
        """The ``k`` best of each query, float32 [queries, dimensions], that this ``effort`` finds."""
        set_effort(self._index, self._kind, effort)
        scores, rows = self._index.search(np.ascontiguousarray(queries), k)
        place = np.where(rows < 0, len(self._order), self._order[rows])
        best = np.lexsort((place, -scores), axis=1)
        rows, scores = (np.take_along_axis(part, best, axis=1) for part in (rows, scores))
        return Hits(rows.astype(np.int64), np.where(rows < 0, -np.inf, scores.astype(np.float64)))


def _index(folder: Path, fingerprint: str, vectors: Embeddings, kind: IndexKind) -> Any:
    """The FAISS index in ``folder``, built where it is missing or of other vectors."""
    import faiss

    file, note = folder / f"{kind}.faiss", folder / f"{kind}.json"
    known = {"fingerprint": f"{fingerprint}/index={kind}", "rows": vectors.rows, "digest": vectors.digest}
    if note.exists() and json.loads(note.read_bytes()) == known:
        return faiss.read_index(str(file))
    index = empty(vectors, kind)
    for _, shard in vectors.shards():
        index.add(np.ascontiguousarray(shard))
    with replacing(file) as temporary:
        faiss.write_index(index, str(temporary))
    write_bytes(note, json.dumps(known).encode())
    return index


def empty(vectors: Embeddings, kind: IndexKind) -> Any:
    """A FAISS index without vectors; IVF has learnt its cells from some of them."""
    import faiss

    dim = vectors.dimensions
    index: Any
    if kind == "hnsw":
        index = faiss.IndexHNSWFlat(dim, _NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = _BUILDING
        return index
    cells = max(1, min(4 * round(math.sqrt(vectors.rows)), vectors.rows // 40))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid = 1  # no warning about few rows
    step = max(1, vectors.rows // (cells * _SAMPLE_A_CELL))
    index.train(np.concatenate([shard[::step] for _, shard in vectors.shards()]))
    return index


def set_effort(index: Any, kind: IndexKind, effort: int) -> None:
    """Cells that IVF probes, or candidates that HNSW holds."""
    if kind == "ivf":
        index.nprobe = effort
    else:
        index.hnsw.efSearch = effort


def recall_of(exact: npt.NDArray[np.int64], found: npt.NDArray[np.int64]) -> float:
    """Share of the rows of ``exact`` that are in the same row of ``found``; places without a row do not count."""
    hit = (exact[:, :, None] == found[:, None, :]).any(axis=2) & (exact >= 0)
    return float(hit.sum() / max(1, (exact >= 0).sum()))

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
_MEASURED = 100
# Neighbours of an HNSW node and effort of its building: the values that its authors use (Malkov and Yashunin 2016).
_NEIGHBOURS, _BUILDING = 32, 200
# Rows from which IVF learns its cells: FAISS samples no more (256 a cell).
_SAMPLE_A_CELL = 256


@dataclass(frozen=True)
class ApproximateHits:
    """What an approximate search found.

    :param recall: Share of the exact ``k`` best that were found, measured on the first queries.
    :param effort: Cells probed (ivf) or candidates held (hnsw), raised until the recall reached the target.
    """

    hits: Hits
    recall: float
    effort: int


def approximate_search(
    folder: Path,
    fingerprint: str,
    vectors: Embeddings,
    queries: npt.NDArray[np.float32],
    k: int,
    order: npt.NDArray[np.int64],
    kind: IndexKind,
) -> ApproximateHits:
    """The ``k`` best of each query by an index that is built once and kept in ``folder``.

    :param fingerprint: Of the encoder; an index over vectors of another one is built again.
    """
    index = _index(folder, fingerprint, vectors, kind)
    some = queries[:_MEASURED]
    exact = search_vectors(some, vectors, k, order).rows
    most = int(index.nlist) if kind == "ivf" else max(2_048, 4 * k)
    effort = min(most, max(8, k))
    while True:
        _set_effort(index, kind, effort)
        recall = _recall(exact, index.search(some, k)[1])
        if recall >= TARGET or effort >= most:
            break
        effort = min(most, 2 * effort)
    scores, rows = index.search(np.ascontiguousarray(queries), k)
    return ApproximateHits(Hits(rows.astype(np.int64), scores.astype(np.float64)), recall, effort)


def _index(folder: Path, fingerprint: str, vectors: Embeddings, kind: IndexKind) -> Any:
    """The FAISS index in ``folder``, built where it is missing or of other vectors."""
    import faiss

    file, note = folder / f"{kind}.faiss", folder / f"{kind}.json"
    known = {"fingerprint": f"{fingerprint}/index={kind}", "rows": vectors.rows, "digest": vectors.digest}
    if note.exists() and json.loads(note.read_bytes()) == known:
        return faiss.read_index(str(file))
    index = _empty(vectors, kind)
    for _, shard in vectors.shards():
        index.add(np.ascontiguousarray(shard))
    with replacing(file) as temporary:
        faiss.write_index(index, str(temporary))
    write_bytes(note, json.dumps(known).encode())
    return index


def _empty(vectors: Embeddings, kind: IndexKind) -> Any:
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


def _set_effort(index: Any, kind: IndexKind, effort: int) -> None:
    if kind == "ivf":
        index.nprobe = effort
    else:
        index.hnsw.efSearch = effort


def _recall(exact: npt.NDArray[np.int64], found: npt.NDArray[np.int64]) -> float:
    """Share of the rows of ``exact`` that are in the same row of ``found``; places without a row do not count."""
    hit = (exact[:, :, None] == found[:, None, :]).any(axis=2) & (exact >= 0)
    return float(hit.sum() / max(1, (exact >= 0).sum()))

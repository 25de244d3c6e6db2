"""Search by whole vectors and by their prefixes, with queries and documents encoded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.encoders.dense import VectorEncoder, VectorIndex
from nyxqa.retriever.index.embeddings import Embeddings
from nyxqa.retriever.index.search import search_vectors
from nyxqa.retriever.models.batching import truncate_and_normalise
from nyxqa.retriever.protocols import Encoder, Hits, Index, SearchEntry


@dataclass(frozen=True)
class _Prefixes:
    """The first ``dim`` numbers of stored vectors, scaled to length 1."""

    vectors: Embeddings
    dim: int

    def shards(self) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        for start, shard in self.vectors.shards():
            yield start, truncate_and_normalise(shard, self.dim)


def full_dim(index: Index) -> int:
    """Length of the vectors of an index; 0 for one without vectors."""
    return index.vectors.dimensions if isinstance(index, VectorIndex) else 0


def search_dims(
    encoder: Encoder, index: Index, queries: Sequence[SearchEntry], k: int, dims: Sequence[int]
) -> list[Hits]:
    """The ``k`` best entries of each query, for each of ``dims``.

    :param dims: Prefix lengths; the full length, and 0 for an index without vectors, searches as the encoder does.
    """
    full = full_dim(index)
    if not isinstance(encoder, VectorEncoder) or not isinstance(index, VectorIndex) or not queries or not full:
        return [index.search(queries, k) for _ in dims]
    vectors = encoder.encode(queries, "query")
    return [
        search_vectors(vectors, index.vectors, k, index.ids.order)
        if dim == full
        else search_vectors(truncate_and_normalise(vectors, dim), _Prefixes(index.vectors, dim), k, index.ids.order)
        for dim in dims
    ]

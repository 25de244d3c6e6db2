"""Any trained model as an encoder: vectors of mixed content on disk, searched exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.embeddings import SHARD_ROWS, Embeddings, write_embeddings
from nyxqa.retriever.encode import encode_sides, normalised
from nyxqa.retriever.encoder import Entry, Hits
from nyxqa.retriever.model import EmbeddingModel, Role, Side
from nyxqa.retriever.search import search_vectors
from nyxqa.retriever.stored_ids import StoredIds


class DenseEncoder:
    """An encoder made of an ``EmbeddingModel``; it looks at images, not at captions.

    :param name: Name for tables, without any machine's paths.
    :param load: Gives the model; called when the first vector is needed.
    :param fingerprint: Changes whenever vectors would; called when it is first asked for.
    """

    needs_images = True

    def __init__(self, name: str, load: Callable[[], EmbeddingModel], fingerprint: Callable[[], str]) -> None:
        self.name = name
        self._load = load
        self._fingerprint = fingerprint

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the checkpoint's files."""
        return self._fingerprint()

    def build(self, entries: Iterable[Entry], folder: Path) -> None:
        """Write the vectors of ``entries`` into ``folder``, shard by shard."""
        items = ((entry.id, entry) for entry in entries)
        write_embeddings(items, folder, self.fingerprint, lambda: [_Documents(self.model)], _parts)

    def open(self, folder: Path) -> DenseIndex:
        """The index in ``folder``.

        :raises FormatError: If it is unfinished or another encoder made it.
        """
        return DenseIndex(folder, self)

    @cached_property
    def model(self) -> EmbeddingModel:
        """The model, loaded on first use."""
        return self._load()


class _Documents:
    """The model as what shards are encoded with."""

    def __init__(self, model: EmbeddingModel) -> None:
        self._model = model
        self.dimensions = model.dim

    def encode(self, entries: Sequence[Entry], /) -> npt.NDArray[np.float32]:
        return encode_entries(self._model, entries, "document")


def encode_entries(model: EmbeddingModel, entries: Sequence[Entry], role: Role) -> npt.NDArray[np.float32]:
    """Unit vectors of ``entries``, float32 [entries, dim], in blocks fixed by row number."""
    sides = [Side(entry.text, entry.images, role, entry.instruction) for entry in entries]
    blocks = [
        normalised(encode_sides(model, sides[start : start + SHARD_ROWS]), model.dim)
        for start in range(0, len(sides), SHARD_ROWS)
    ]
    return np.concatenate([np.empty((0, model.dim), dtype=np.float32), *blocks])


def _parts(entry: Entry) -> Iterable[bytes]:
    return (entry.text.encode(), *entry.images)


class DenseIndex:
    """Vectors on disk, searched exactly.

    :param folder: Where ``DenseEncoder.build`` put them.
    :param encoder: What turns queries into vectors.
    """

    def __init__(self, folder: Path, encoder: DenseEncoder) -> None:
        self.vectors = Embeddings(folder, encoder.fingerprint)
        self.ids = StoredIds(folder)
        self._encoder = encoder

    def search(self, queries: Sequence[Entry], k: int) -> Hits:
        """The ``k`` best entries of each query by cosine; equal scores stand in the order of their ids."""
        if not queries or not len(self.ids):
            shape = (len(queries), k)
            return Hits(np.full(shape, -1, dtype=np.int64), np.full(shape, -np.inf))
        vectors = encode_entries(self._encoder.model, queries, "query")
        return search_vectors(vectors, self.vectors, k, self.ids.order)

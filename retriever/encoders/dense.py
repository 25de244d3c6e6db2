"""Base of the encoders that search vectors: an index on disk, built shard by shard and searched exactly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.index import embeddings
from nyxqa.retriever.index.embeddings import Embeddings, ItemEncoder, StoreType, write_embeddings
from nyxqa.retriever.index.search import search_vectors
from nyxqa.retriever.index.stored_strings import StoredIds
from nyxqa.retriever.protocols import Hits, Role, SearchEntry
from nyxqa.schemas.content import PLACEHOLDER, plain_text

Item = TypeVar("Item")


def text_with_captions(entry: SearchEntry) -> str:
    """Input of an encoder that reads no images: the text without placeholders, then one line per caption."""
    text = plain_text(entry.text) if PLACEHOLDER in entry.text else entry.text
    return "\n".join([text, *(caption for caption in entry.captions if caption)])


class VectorEncoder(ABC, Generic[Item]):
    """An encoder that turns entries into model inputs (items), and items into vectors.

    ``build`` may be called again on the folder of a killed run: complete shards are reused.

    :param name: Name in tables (column ``miner``).
    """

    needs_images: bool = False
    store: StoreType = "float32"

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Changes whenever vectors would change."""

    @abstractmethod
    def item(self, entry: SearchEntry, role: Role) -> Item:
        """The model's input for an entry."""

    @abstractmethod
    def parts(self, item: Item) -> Iterable[bytes]:
        """Everything of an item that its vector depends on."""

    @abstractmethod
    def load(self) -> Sequence[ItemEncoder[Item]]:
        """The model, once per device."""

    @property
    def shard_rows(self) -> int:
        """Items encoded together: the most a kill loses, and what is in memory on each device."""
        return embeddings.SHARD_ROWS

    def build(self, entries: Iterable[SearchEntry], folder: Path) -> None:
        """Write the vectors of ``entries`` into ``folder``, shard by shard."""
        items = ((entry.id, self.item(entry, "document")) for entry in entries)
        models = lambda: self._replicas  # noqa: E731 -- the weights are loaded only if there is something to encode
        write_embeddings(items, folder, self.fingerprint, models, self.parts, self.shard_rows, self.store)

    def open(self, folder: Path) -> VectorIndex[Item]:
        """The index in ``folder``.

        :raises FormatError: If it is incomplete or was written by another encoder.
        """
        return VectorIndex(folder, self)

    def encode(self, entries: Sequence[SearchEntry], role: Role) -> npt.NDArray[np.float32]:
        """Vectors of ``entries``, float32 [entries, dimensions], in blocks fixed by row number."""
        model = self._replicas[0]
        blocks = [
            model.encode([self.item(entry, role) for entry in entries[start : start + self.shard_rows]])
            for start in range(0, len(entries), self.shard_rows)
        ]
        return np.concatenate([np.empty((0, model.dimensions), dtype=np.float32), *blocks])

    @cached_property
    def _replicas(self) -> Sequence[ItemEncoder[Item]]:
        return self.load()


class VectorIndex(Generic[Item]):
    """Vectors on disk, searched exactly.

    :param folder: Where ``VectorEncoder.build`` put them.
    :param encoder: Encodes the queries.
    """

    def __init__(self, folder: Path, encoder: VectorEncoder[Item]) -> None:
        self.vectors = Embeddings(folder, encoder.fingerprint, encoder.store)
        self.ids = StoredIds(folder)
        self._encoder = encoder

    def search(self, queries: Sequence[SearchEntry], k: int) -> Hits:
        """The ``k`` best entries of each query by inner product; equal scores are ordered by id."""
        if not queries or not len(self.ids):
            shape = (len(queries), k)
            return Hits(np.full(shape, -1, dtype=np.int64), np.full(shape, -np.inf))
        return search_vectors(self._encoder.encode(queries, "query"), self.vectors, k, self.ids.order)

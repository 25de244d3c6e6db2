"""Base of the encoders that search vectors: an index on disk, built shard by shard and searched exactly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.index import embeddings
from nyxqa.retriever.index.embeddings import Embeddings, ItemEncoder, StoreType, write_embeddings
from nyxqa.retriever.index.search import search_vectors
from nyxqa.retriever.index.stored_strings import StoredIds
from nyxqa.retriever.protocols import Hits, Role, SearchEntry
from nyxqa.schemas.content import PLACEHOLDER, plain_text
from nyxqa.schemas.errors import UsageError

Item = TypeVar("Item")

PRECISIONS = ("fp32", "bf16", "fp16")
STORES: tuple[StoreType, ...] = ("float32", "float16")
# Of every encoder that computes vectors here.
COMMON: Mapping[str, Sequence[str]] = {"precision": PRECISIONS, "store": STORES}


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


@dataclass(frozen=True)
class Options:
    """Options of an encoder by name, as they were given."""

    given: Mapping[str, str]

    @property
    def store(self) -> StoreType:
        """Type of the stored numbers."""
        return "float16" if self.given.get("store") == "float16" else "float32"

    @property
    def precision(self) -> str:
        """Arithmetic of the network; empty for the encoder's own."""
        return self.given.get("precision", "")

    @property
    def fingerprint(self) -> str:
        """What of them changes vectors; empty for the defaults, so that earlier indexes stay valid."""
        parts = [f"/precision={self.precision}"] if self.precision else []
        return "".join([*parts, *(["/store=float16"] if self.store == "float16" else [])])

    @property
    def label(self) -> str:
        """The options that vectors depend on, as a name shows them."""
        shown = [f"{name}={self.given[name]}" for name in ("precision", "store") if name in self.given]
        return f"?{'&'.join(shown)}" if shown else ""


NO_OPTIONS = Options({})


def split_options(kind: str, text: str, valid: Mapping[str, Sequence[str]]) -> tuple[str, Options]:
    """The name before ``?``, and the options behind it; an existing path is never split.

    :param valid: Values of each option; none for an option that takes any.
    :raises UsageError: If an option or a value is unknown.
    """
    name, mark, query = text.partition("?")
    if not mark or Path(text).exists():
        return text, Options({})
    # Nothing is decoded: a path stays as it is written.
    given = {key: value for key, _, value in (part.partition("=") for part in query.split("&") if part)}
    for key, value in given.items():
        if key not in valid or (valid[key] and value not in valid[key]) or not value:
            known = ", ".join(f"{one}={'|'.join(values) or 'FILE'}" for one, values in valid.items())
            raise UsageError(f"encoder {kind}:{text}: unknown option {key}={value}; valid options: {known}")
    if not given:
        raise UsageError(f"encoder {kind}:{text}: an option is missing behind the '?'")
    return name, Options(given)


def torch_dtype(precision: str, default: str) -> Any:
    """The torch type of ``precision``, or of ``default`` where none is given."""
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision or default]

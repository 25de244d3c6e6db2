"""The protocols to implement: ``Encoder`` for search, ``EmbeddingModel`` for training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Role = Literal["query", "document"]
Tensors = Mapping[str, "torch.Tensor"]


@dataclass(frozen=True, slots=True)
class SearchEntry:
    """A document or query as an encoder sees it.

    :param id: Its id; ties in score are broken by it.
    :param text: Text with placeholders.
    :param captions: Caption of each image, "" if none; an encoder that reads no images reads them instead.
    :param images: Encoded bytes of each image; empty unless the encoder needs them.
    :param instruction: Task instruction of a query, empty for none; ignored by encoders without instructions.
    :param row: Row of a document in the file it was read from, from 0; -1 where it is not of one file.
    """

    id: str
    text: str
    captions: tuple[str, ...] = ()
    images: tuple[bytes, ...] = ()
    instruction: str = ""
    row: int = -1


@dataclass(frozen=True, slots=True)
class Hits:
    """Search results.

    :param rows: int64 [queries, k], row numbers of the indexed entries, best first; -1 where there are fewer than k.
    :param scores: float64 [queries, k], higher is better.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


class Index(Protocol):
    """A searchable index of documents."""

    @property
    def ids(self) -> Sequence[str]:
        """Ids of the entries, by row number."""
        ...

    def search(self, queries: Sequence[SearchEntry], k: int) -> Hits:
        """The ``k`` best entries of each query; equal scores are ordered by id."""
        ...


class Encoder(Protocol):
    """Builds and opens indexes, under the name that a recipe gives."""

    @property
    def name(self) -> str:
        """Name in tables (column ``miner``)."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever vectors would change; computing it may read a checkpoint."""
        ...

    @property
    def needs_images(self) -> bool:
        """Whether entries must carry image bytes."""
        ...

    def build(self, entries: Iterable[SearchEntry], folder: Path) -> None:
        """Write the index of ``entries`` into the empty ``folder``."""
        ...

    def open(self, folder: Path) -> Index:
        """The index in ``folder``."""
        ...


@dataclass(frozen=True, slots=True)
class ModelInput:
    """Text and images that a model embeds: a query or a document.

    :param text: Text with ``<|image|>`` for each image, in order.
    :param images: Encoded bytes or decoded pictures, as many as placeholders.
    :param role: Query or document; prefixes are added by the model.
    :param instruction: Task instruction of a query, empty for none.
    """

    text: str
    images: tuple[Any, ...] = ()
    role: Role = "document"
    instruction: str = ""


class EmbeddingModel(Protocol):
    """A trainable model that turns inputs into vectors.

    ``name`` appears in tables and cards; ``dim`` is the length of a vector.
    """

    @property
    def name(self) -> str:
        """Name for tables and cards."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    @property
    def module(self) -> torch.nn.Module:
        """The weights; only parameters with ``requires_grad`` are trained."""
        ...

    def prepare(self, contents: Sequence[ModelInput]) -> Tensors:
        """CPU tensors for ``embed``; picklable work that may run in a loader's process."""
        ...

    def length(self, content: ModelInput) -> int:
        """About how many tokens an input costs, images included; batches are grouped by it."""
        ...

    def embed(self, inputs: Tensors) -> torch.Tensor:
        """Vectors [inputs, dim], float32, not normalised, on the module's device."""
        ...

    def save(self, folder: Path) -> None:
        """Write weights, settings and whatever loading needs; a Hub-style folder."""
        ...

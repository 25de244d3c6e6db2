"""The border between search and the models behind it."""

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
    :param captions: Caption of each image, "" if none; what an encoder without eyes reads instead.
    :param images: Encoded bytes of each image; empty where the encoder does not ask for them.
    :param instruction: Task instruction of a query, empty for none; an encoder that follows none leaves it unread.
    """

    id: str
    text: str
    captions: tuple[str, ...] = ()
    images: tuple[bytes, ...] = ()
    instruction: str = ""


@dataclass(frozen=True, slots=True)
class Hits:
    """Search results.

    :param rows: int64 [queries, k], row numbers of the indexed entries, best first; -1 where there are fewer than k.
    :param scores: float64 [queries, k], higher is better.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


class Index(Protocol):
    """Documents made searchable."""

    @property
    def ids(self) -> Sequence[str]:
        """Ids of the entries, by row number."""
        ...

    def search(self, queries: Sequence[SearchEntry], k: int) -> Hits:
        """The ``k`` best entries of each query; equal scores stand in the order of their ids."""
        ...


class Encoder(Protocol):
    """Makes entries searchable."""

    @property
    def name(self) -> str:
        """What goes into tables (column ``miner``)."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever vectors would; working it out may need to read a checkpoint."""
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
    """One side of a training row: a query or a document.

    :param text: Text with ``<|image|>`` for each image, in order.
    :param images: Encoded bytes or decoded pictures, as many as placeholders.
    :param role: What it is; prefixes are the model's business.
    :param instruction: Task instruction of a query, empty for none.
    """

    text: str
    images: tuple[Any, ...] = ()
    role: Role = "document"
    instruction: str = ""


class EmbeddingModel(Protocol):
    """A model that turns sides into vectors and can be trained.

    ``name`` goes into tables and cards; ``dim`` is the length of a vector.
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
        """What holds the weights; only parameters with ``requires_grad`` are trained."""
        ...

    def prepare(self, sides: Sequence[ModelInput]) -> Tensors:
        """CPU tensors for ``embed``; picklable work that may run in a loader's process."""
        ...

    def length(self, side: ModelInput) -> int:
        """About how many tokens a side costs, images included; batches are grouped by it."""
        ...

    def embed(self, inputs: Tensors) -> torch.Tensor:
        """Vectors [sides, dim], float32, not normalised, on the module's device."""
        ...

    def save(self, folder: Path) -> None:
        """Write weights, settings and whatever loading needs; a Hub-style folder."""
        ...

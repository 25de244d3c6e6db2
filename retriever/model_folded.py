"""The border between training and the models behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import torch

Role = Literal["query", "document"]


@dataclass(frozen=True, slots=True)
class Side:
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


Inputs = Mapping[str, "torch.Tensor"]


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

    def prepare(self, sides: Sequence[Side]) -> Inputs:
        """CPU tensors for ``embed``; picklable work that may run in a loader's process."""
        ...

    def length(self, side: Side) -> int:
        """About how many tokens a side costs, images included; batches are grouped by it."""
        ...

    def embed(self, inputs: Inputs) -> torch.Tensor:
        """Vectors [sides, dim], float32, not normalised, on the module's device."""
        ...

    def save(self, folder: Path) -> None:
        """Write weights, settings and whatever loading needs; a Hub-style folder."""
        ...

"""How a model is opened for training, beyond its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nyxqa.retriever.models.lora import Lora


@dataclass(frozen=True)
class ModelOptions:
    """What a trainable model is opened with; what is not set is as its kind has it.

    :param lora: Adapters for a model that has none; None trains all weights, ``default`` is the paper's shape for
        ``nyx:`` and all weights for ``hf:``.
    :param checkpointing: Whether activations are computed again in the backward pass; None for ``nyx:`` alone.
    :param max_pixels: Pixels that an image is shrunk to.
    :param device: Torch name of the device; the first available one if empty.
    """

    lora: Lora | Literal["default"] | None = "default"
    checkpointing: bool | None = None
    max_pixels: int | None = None
    device: str = ""

    def shape(self, default: Lora | None) -> Lora | None:
        """The adapters of a kind of model whose default is ``default``."""
        return default if self.lora == "default" else self.lora

    @property
    def overrides(self) -> dict[str, int]:
        """Settings in place of those of the folder."""
        return {} if self.max_pixels is None else {"max_pixels": self.max_pixels}

"""Trainable models by the name a command or recipe gives them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nyxqa.retriever.models.lora import Lora
from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.errors import UsageError

MODELS = ("tiny[:PATH]", "nyx:MODEL[@REVISION]", "hf:MODEL[@REVISION]")


def load_model(spec: str, seed: int = 0, options: ModelOptions | None = None) -> EmbeddingModel:
    """The model that ``spec`` names, to train: untrained if no path is given.

    :param seed: Seed of what has no weights yet: an untrained model, new adapters.
    :param options: As for ``ModelOptions``; ``tiny`` has neither adapters nor images to shrink.
    :raises UsageError: If the name is unknown; the message lists the valid ones.
    :raises WorldError: If the path does not hold a model of that kind.
    """
    kind, colon, path = spec.partition(":")
    if kind == "tiny" and (path or not colon):
        from nyxqa.retriever.models.tiny import TinyModel

        return TinyModel.load(Path(path)) if path else TinyModel(seed)
    if kind in ("nyx", "hf") and path:
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(keyed_hash(seed, "adapters", "") % 2**63)
            return _pretrained(kind, path, options or ModelOptions())
    raise UsageError(f"unknown model {spec!r}; valid names: {', '.join(MODELS)}")


def _pretrained(kind: str, path: str, options: ModelOptions) -> EmbeddingModel:
    from nyxqa.retriever.models.batching import devices
    from nyxqa.retriever.models.checkpoints import parse_model
    from nyxqa.retriever.models.hf import load_hf
    from nyxqa.retriever.models.lora import LORA
    from nyxqa.retriever.models.nyx import load_nyx

    load, shape = (load_nyx, LORA["paper"]) if kind == "nyx" else (load_hf, None)
    checkpointing = kind == "nyx" if options.checkpointing is None else options.checkpointing
    return load(
        parse_model(path, kind),
        options.device or devices()[0],
        lora=options.shape(shape),
        trainable=True,
        checkpointing=checkpointing,
        overrides=options.overrides,
    )


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

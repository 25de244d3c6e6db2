"""Trainable models by the name a command or recipe gives them."""

from __future__ import annotations

from pathlib import Path

from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.schemas.errors import UsageError

MODELS = ("tiny[:PATH]", "nyx:MODEL[@REVISION]", "hf:MODEL[@REVISION]")


def load_model(spec: str, seed: int = 0) -> EmbeddingModel:
    """The model that ``spec`` names: untrained if no path is given.

    :param seed: Seed of an untrained model's weights.
    :raises UsageError: If the name is unknown; the message lists the valid ones.
    :raises WorldError: If the path does not hold a model of that kind.
    """
    kind, colon, path = spec.partition(":")
    if kind == "tiny" and (path or not colon):
        from nyxqa.retriever.models.tiny import TinyModel

        return TinyModel.load(Path(path)) if path else TinyModel(seed)
    if kind == "nyx" and path:
        from nyxqa.retriever.models.nyx import nyx_to_train

        return nyx_to_train(path)
    if kind == "hf" and path:
        from nyxqa.retriever.models.batching import devices
        from nyxqa.retriever.models.checkpoints import parse_model
        from nyxqa.retriever.models.hf import load_hf

        return load_hf(parse_model(path, "hf"), devices()[0], trainable=True)
    raise UsageError(f"unknown model {spec!r}; valid names: {', '.join(MODELS)}")

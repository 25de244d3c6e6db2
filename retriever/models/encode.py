"""Vectors of many sides from a model, in batches of like length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.models.batching import CPU_BATCH_TOKENS, GPU_BATCH_TOKENS, batches
from nyxqa.retriever.protocols import EmbeddingModel, ModelInput
from nyxqa.schemas.errors import WorldError

# Sides held at a time, images included.
BLOCK = 512


def encode_inputs(model: EmbeddingModel, sides: Sequence[ModelInput]) -> npt.NDArray[np.float32]:
    """Vectors of ``sides`` as the model gives them, not normalised, float32 [sides, dim].

    :param sides: Read once, a block at a time.
    :raises WorldError: If the model gives numbers that are not finite.
    """
    import torch

    vectors = np.empty((len(sides), model.dim), dtype=np.float32)
    training = model.module.training
    model.module.eval()
    try:
        with torch.inference_mode():
            for start in range(0, len(sides), BLOCK):
                block = [sides[row] for row in range(start, min(start + BLOCK, len(sides)))]
                vectors[start : start + len(block)] = _encode_block(model, block)
    finally:
        model.module.train(training)
    if not np.isfinite(vectors).all():
        raise WorldError(f"model {model.name} gives vectors that are not finite; its weights may be damaged")
    return vectors


def _encode_block(model: EmbeddingModel, block: Sequence[ModelInput]) -> npt.NDArray[np.float32]:
    device = next(model.module.parameters()).device
    budget = CPU_BATCH_TOKENS if device.type == "cpu" else GPU_BATCH_TOKENS
    vectors = np.empty((len(block), model.dim), dtype=np.float32)
    for rows in batches([model.length(side) for side in block], budget):
        vectors[rows] = model.embed(model.prepare([block[row] for row in rows])).float().cpu().numpy()
    return vectors


def truncate_and_normalise(vectors: npt.NDArray[np.float32], dim: int) -> npt.NDArray[np.float32]:
    """The first ``dim`` numbers of each vector, scaled to length 1; a vector of zeros stays one."""
    cut = np.ascontiguousarray(vectors[:, :dim])
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = np.divide(cut, np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)
    return unit

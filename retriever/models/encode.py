"""Encoding many inputs with a trainable model, in batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.models.batching import CPU_BATCH_TOKENS, GPU_BATCH_TOKENS, batches
from nyxqa.retriever.protocols import EmbeddingModel, ModelInput
from nyxqa.schemas.errors import WorldError

# Inputs in memory at a time, images included.
BLOCK = 512


def encode_inputs(model: EmbeddingModel, contents: Sequence[ModelInput]) -> npt.NDArray[np.float32]:
    """Vectors of ``contents``, not normalised, float32 [inputs, dim].

    :param contents: Read once, a block at a time.
    :raises WorldError: If the model returns numbers that are not finite.
    """
    import torch

    vectors = np.empty((len(contents), model.dim), dtype=np.float32)
    training = model.module.training
    model.module.eval()
    try:
        with torch.inference_mode():
            for start in range(0, len(contents), BLOCK):
                block = [contents[row] for row in range(start, min(start + BLOCK, len(contents)))]
                vectors[start : start + len(block)] = _encode_block(model, block)
    finally:
        model.module.train(training)
    if not np.isfinite(vectors).all():
        raise WorldError(f"model {model.name} returned vectors that are not finite; its weights may be damaged")
    return vectors


def _encode_block(model: EmbeddingModel, block: Sequence[ModelInput]) -> npt.NDArray[np.float32]:
    device = next(model.module.parameters()).device
    budget = CPU_BATCH_TOKENS if device.type == "cpu" else GPU_BATCH_TOKENS
    vectors = np.empty((len(block), model.dim), dtype=np.float32)
    for rows in batches([model.length(content) for content in block], budget):
        vectors[rows] = model.embed(model.prepare([block[row] for row in rows])).float().cpu().numpy()
    return vectors


def truncate_and_normalise(vectors: npt.NDArray[np.float32], dim: int) -> npt.NDArray[np.float32]:
    """The first ``dim`` numbers of each vector, scaled to length 1; a zero vector stays zero."""
    cut = np.ascontiguousarray(vectors[:, :dim])
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = np.divide(cut, np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)
    return unit

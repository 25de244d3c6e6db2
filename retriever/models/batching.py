"""Batches and groups of inputs of similar length, the devices they run on, and encoding in such batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.protocols import EmbeddingModel, ModelInput
from nyxqa.schemas.errors import WorldError

# Tokens of a batch, padding included. On two CPU cores 2,048 encoded fastest; a GPU needs more
# to be busy. The bytes of vectors depend on it, so it is not a parameter.
CPU_BATCH_TOKENS = 2_048
GPU_BATCH_TOKENS = 16_384
# Cost of another pass through a model, in tokens of one input: measured with MiniLM on two cores, where an empty pass
# takes about as long as 100 tokens.
PASS_TOKENS = 100

# Inputs in memory at a time, images included.
BLOCK = 512


def length_groups(lengths: Sequence[int], overhead: int = PASS_TOKENS) -> list[list[int]]:
    """Positions in the groups, shortest first, of the least total cost: inputs of a group times its longest.

    :param lengths: Tokens of each input.
    :param overhead: Cost added for every group.
    """
    if not lengths:
        return []
    order = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
    ordered = [lengths[row] for row in order]
    # A cut between inputs of equal length saves nothing.
    edges = [0, *(place for place, pair in enumerate(pairwise(ordered), start=1) if pair[0] != pair[1]), len(order)]
    best, cut = [0], [0]
    for end in range(1, len(edges)):
        stop = edges[end]
        costs = [best[start] + (stop - edges[start]) * ordered[stop - 1] for start in range(end)]
        start = min(range(end), key=costs.__getitem__)
        best.append(costs[start] + overhead)
        cut.append(start)
    groups = []
    end = len(edges) - 1
    while end:
        groups.append(order[edges[cut[end]] : edges[end]])
        end = cut[end]
    return groups[::-1]


def devices() -> list[str]:
    """Torch names of all GPUs, else of the one other accelerator or the CPU."""
    import torch

    if torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else ["cpu"]


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows in batches of similar length, longest first; rows times the longest is at most ``budget``, or one row."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


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

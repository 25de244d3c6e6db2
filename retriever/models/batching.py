"""Sides of a batch in groups of like length, so that short ones are not padded to the longest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

# Tokens of a batch, padding included. On two CPU cores 2,048 encoded fastest; a GPU needs more to
# be busy. Part of what decides the bytes of vectors on a kind of machine, hence no parameter.
CPU_BATCH_TOKENS = 2_048
GPU_BATCH_TOKENS = 16_384


# What a further pass through a model costs, in tokens of one side: measured with MiniLM on two cores, where a pass
# over nothing takes about as long as 100 tokens.
PASS_TOKENS = 100


def length_groups(lengths: Sequence[int], overhead: int = PASS_TOKENS) -> list[list[int]]:
    """Positions in groups, shortest first, that cost least: each group its number of sides times its longest.

    :param lengths: Tokens of each side.
    :param overhead: Added for every group.
    """
    if not lengths:
        return []
    order = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
    ordered = [lengths[row] for row in order]
    # A cut between sides of one length saves nothing.
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
    """Torch names of all GPUs, else of the one accelerator or the processor."""
    import torch

    if torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else ["cpu"]


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows in batches of like length, longest first; rows times the longest is at most ``budget``, or one row."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size

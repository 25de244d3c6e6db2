"""Matryoshka InfoNCE the slow way: loops over float64 numbers, written from the formula alone."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def slow_loss(
    queries: Numbers,
    documents: Numbers,
    positives: list[list[int]],
    negatives: list[list[int]],
    dims: list[int],
    weights: list[float],
    temperature: float,
) -> float:
    """Sum over prefixes of the weighted mean over queries of the mean over their positives."""
    total = 0.0
    for dim, weight in zip(dims, weights, strict=True):
        per_query = []
        for query, right, wrong in zip(queries, positives, negatives, strict=True):
            scores = [_cosine(query[:dim], document[:dim]) / temperature for document in documents]
            shares = []
            for one in right:
                top = max([scores[one], *(scores[other] for other in wrong)])
                below = sum(math.exp(scores[other] - top) for other in [one, *wrong])
                shares.append(-(scores[one] - top - math.log(below)))
            per_query.append(sum(shares) / len(shares))
        total += weight * sum(per_query) / len(per_query)
    return total


def _cosine(one: Numbers, other: Numbers) -> float:
    product = sum(float(a) * float(b) for a, b in zip(one, other, strict=True))
    lengths = [math.sqrt(sum(float(a) ** 2 for a in side)) for side in (one, other)]
    return product / (lengths[0] * lengths[1])

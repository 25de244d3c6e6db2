"""Bootstrap confidence intervals of means over queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nyxqa.schemas.chance import keyed_hash

# Efron and Tibshirani 1993 ask for a thousand or more for an interval of 95 %.
SAMPLES = 2_000
LEVEL = 0.95
# Random numbers drawn at once, 64 MB.
_MOST_DRAWN = 8_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over ``count`` queries with the bounds of its 95 % interval."""

    mean: float
    low: float
    high: float
    count: int


def interval(
    values: npt.NDArray[np.float64], name: str, seed: int = 0, groups: Sequence[str] | None = None
) -> Interval:
    """Mean of ``values`` and its percentile bootstrap interval; the draw depends on (seed, name) alone.

    :param values: float64 [queries]; differences of two systems, query by query, give the interval of a gain.
    :param groups: Group of each query: errors on one page are correlated, so groups are resampled as a whole.
    """
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    sums, sizes = _totals(values, groups)
    random = np.random.Generator(np.random.Philox(key=keyed_hash(seed, "bootstrap", name)))
    block = max(1, _MOST_DRAWN // len(sums))
    means = []
    for start in range(0, SAMPLES, block):
        drawn = random.integers(0, len(sums), (min(block, SAMPLES - start), len(sums)))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return Interval(float(values.mean()), float(low), float(high), len(values))


def _totals(
    values: npt.NDArray[np.float64], groups: Sequence[str] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum and count of the values of each group, ordered by group name."""
    if groups is None:
        return values, np.ones(len(values))
    _, numbers = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    return np.bincount(numbers, weights=values).astype(np.float64), np.bincount(numbers).astype(np.float64)

"""Bootstrap confidence intervals of means over queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def intervals(values: npt.NDArray[np.float64], groups: Sequence[str], name: str, seed: int = 0) -> list[Interval]:
    """The interval of each column of ``values``, all from the same resamples, so that they are comparable.

    :param values: float64 [queries, columns]; NaN where a figure is not defined for a query.
    :param groups: Group of each query: groups are resampled as a whole.
    :param name: The draw depends on (seed, name) alone.
    """
    known = ~np.isnan(values)
    sums, sizes = _column_totals(np.where(known, values, 0), groups), _column_totals(known.astype(np.float64), groups)
    counts = known.sum(axis=0)
    drawn = np.concatenate(list(_resampled(sums, sizes, name, seed))) if len(sums) else np.empty((0, len(counts)))
    found = []
    for column, count in enumerate(counts.tolist()):
        means = drawn[:, column][~np.isnan(drawn[:, column])]
        if not count or not len(means):
            found.append(Interval(float("nan"), float("nan"), float("nan"), 0))
            continue
        low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        mean = float(values[known[:, column], column].mean())
        found.append(Interval(mean, float(low), float(high), count))
    return found


def _resampled(
    sums: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], name: str, seed: int
) -> Iterator[npt.NDArray[np.float64]]:
    """Means of each column in blocks of resamples, NaN where a resample holds no defined value."""
    random = np.random.Generator(np.random.Philox(key=keyed_hash(seed, "bootstrap", name)))
    groups = len(sums)
    block = max(1, _MOST_DRAWN // groups)
    for start in range(0, SAMPLES, block):
        rows = min(block, SAMPLES - start)
        drawn = random.integers(0, groups, (rows, groups)) + np.arange(rows)[:, None] * groups
        times = np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups).astype(np.float64)
        total = times @ sizes
        yield np.divide(times @ sums, total, out=np.full(total.shape, np.nan), where=total > 0)


def _column_totals(values: npt.NDArray[np.float64], groups: Sequence[str]) -> npt.NDArray[np.float64]:
    """Sum of each column in each group, float64 [groups, columns], ordered by group name."""
    _, numbers = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    totals = np.zeros((int(numbers.max(initial=-1)) + 1, values.shape[1]))
    np.add.at(totals, numbers, values)
    return totals

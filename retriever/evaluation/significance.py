"""Tests of the difference between two systems that answered the same questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nyxqa.schemas.chance import keyed_hash

# Up to this many groups every choice of signs is tried: 16,384 of them.
_EXACT_GROUPS = 14
_FLIPS = 10_000
# Signs drawn at once.
_MOST_DRAWN = 8_000_000
_TOLERANCE = 1e-9

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's test of two systems that are right or wrong.

    :param only_first: Questions that only the first system has right.
    :param only_second: Questions that only the second has right.
    :param chi_square: (only_first - only_second)^2 / (only_first + only_second), without correction.
    :param p: Its probability under the chi-square distribution of one degree of freedom.
    :param exact_p: Two-sided probability under the binomial distribution.
    """

    only_first: int
    only_second: int
    chi_square: float
    p: float
    exact_p: float


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> McNemar:
    """McNemar's test; without a question on which the systems differ the probabilities are 1.

    :param first: bool [questions], whether the first system is right.
    :param second: bool [questions], whether the second system is right.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    count = only_first + only_second
    if not count:
        return McNemar(0, 0, 0.0, 1.0, 1.0)
    chi_square = (only_first - only_second) ** 2 / count
    tail = sum(_binomial(count, k) for k in range(min(only_first, only_second) + 1))
    return McNemar(only_first, only_second, chi_square, math.erfc(math.sqrt(chi_square / 2)), min(1.0, 2 * tail))


def _binomial(count: int, k: int) -> float:
    """Probability of ``k`` heads in ``count`` throws of a fair coin."""
    return math.exp(math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) - count * math.log(2))


def sign_flip(differences: Values, groups: Sequence[str], name: str, seed: int = 0) -> float:
    """``sign_flips`` of one difference, float64 [questions]."""
    return sign_flips(differences[:, None], groups, name, seed)[0]


def sign_flips(differences: Values, groups: Sequence[str], name: str, seed: int = 0) -> list[float]:
    """Two-sided probability of a mean difference at least this large if each group's sign were drawn by a coin.

    Questions of one page depend on each other, so the signs of a group are flipped together. Every choice of signs is
    tried where few groups differ at all; otherwise 10,000 drawn ones, the same for all columns, and the one observed
    count.

    :param differences: float64 [questions, columns], first system minus second; NaN where there is none.
    :param groups: Group of each question.
    :returns: One probability a column.
    """
    if not len(differences):
        return [1.0] * differences.shape[1]
    _, numbers = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    sums = np.zeros((int(numbers.max()) + 1, differences.shape[1]))
    np.add.at(sums, numbers, np.nan_to_num(differences))
    sums[np.abs(sums) <= _TOLERANCE] = 0
    observed = np.abs(sums.sum(axis=0)) - _TOLERANCE
    few = (sums != 0).sum(axis=0) <= _EXACT_GROUPS
    drawn = np.ones(sums.shape[1]) if few.all() else _drawn(sums, observed, name, seed)
    return [
        _exact(sums[:, column], observed[column]) if few[column] else float(drawn[column]) for column in range(len(few))
    ]


def _exact(sums: Values, observed: float) -> float:
    """Share of all choices of signs that reach what was observed."""
    different = sums[sums != 0]
    choices = np.arange(2 ** len(different))[:, None] >> np.arange(len(different))
    return float(np.mean(np.abs((1 - 2 * (choices & 1)) @ different) >= observed))


def _drawn(sums: Values, observed: Values, name: str, seed: int) -> Values:
    """Share of drawn choices of signs that reach what was observed, for each column."""
    random = np.random.Generator(np.random.Philox(key=keyed_hash(seed, "sign flip", name)))
    block = max(1, _MOST_DRAWN // len(sums))
    reached = np.zeros(sums.shape[1])
    for start in range(0, _FLIPS, block):
        signs = random.integers(0, 2, (min(block, _FLIPS - start), len(sums)), dtype=np.int8) * 2.0 - 1
        reached += (np.abs(signs @ sums) >= observed).sum(axis=0)
    shares: Values = (1 + reached) / (1 + _FLIPS)
    return shares

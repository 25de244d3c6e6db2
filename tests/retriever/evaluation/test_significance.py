"""Tests of differences against statsmodels, and against what can be counted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nyxqa.retriever.evaluation.bootstrap import interval, intervals
from nyxqa.retriever.evaluation.significance import mcnemar, sign_flip


@pytest.mark.parametrize("seed", range(4))
def test_mcnemar_is_that_of_statsmodels(seed: int) -> None:
    contingency = pytest.importorskip("statsmodels.stats.contingency_tables")
    drawn = np.random.default_rng(seed)
    first, second = drawn.random(300) < 0.7, drawn.random(300) < 0.6
    table = [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), (~first & ~second).sum()]]
    found = mcnemar(first, second)
    plain = contingency.mcnemar(table, exact=False, correction=False)
    assert (found.chi_square, found.p) == (pytest.approx(plain.statistic), pytest.approx(plain.pvalue))
    assert found.exact_p == pytest.approx(contingency.mcnemar(table, exact=True).pvalue)
    assert (found.only_first, found.only_second) == (table[0][1], table[1][0])


def test_equal_systems_do_not_differ() -> None:
    right = np.array([True, False, True])
    assert mcnemar(right, right).p == 1 == mcnemar(right, right).exact_p
    assert sign_flip(np.zeros(5), list("abcde"), "x") == 1


def test_signs_of_few_groups_are_all_tried() -> None:
    """Four groups: 16 choices of signs, counted here."""
    differences = np.array([1.0, 1.0, -1.0, 1.0, 0.0, 1.0])
    groups = ["a", "a", "b", "c", "c", "d"]
    sums = [2.0, -1.0, 1.0, 1.0]
    totals = [
        abs(sum(s * x for s, x in zip(signs, sums, strict=True))) for signs in itertools.product([1, -1], repeat=4)
    ]
    assert sign_flip(differences, groups, "x") == pytest.approx(np.mean([total >= 3 for total in totals]))


def test_drawn_signs_agree_with_the_normal_distribution() -> None:
    differences = np.random.default_rng(0).normal(0.1, 1, 400)
    z = differences.sum() / np.sqrt((differences**2).sum())
    from statistics import NormalDist

    expected = 2 * (1 - NormalDist().cdf(abs(z)))
    assert sign_flip(differences, [str(n) for n in range(400)], "x") == pytest.approx(expected, abs=0.02)


def test_an_interval_of_a_share_is_that_of_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    right = (np.random.default_rng(1).random(500) < 0.7).astype(np.float64)
    low, high = proportion.proportion_confint(int(right.sum()), 500, method="normal")
    (found,) = intervals(right[:, None], [str(n) for n in range(500)], "share")
    assert (found.low, found.high) == (pytest.approx(low, abs=0.006), pytest.approx(high, abs=0.006))


def test_columns_share_their_resamples_and_skip_what_is_not_defined() -> None:
    values = np.random.default_rng(2).random((60, 1))
    groups = [str(n // 3) for n in range(60)]
    holes = np.where(np.arange(60)[:, None] % 2 == 0, values, np.nan)
    both = intervals(np.concatenate([values, values, holes], axis=1), groups, "x")
    assert both[0] == both[1] and both[2].count == 30
    assert both[2].mean == pytest.approx(values[::2].mean())
    alone = interval(values[:, 0], "x", groups=groups)
    assert both[0].mean == pytest.approx(alone.mean)
    assert both[0].high - both[0].low == pytest.approx(alone.high - alone.low, rel=0.15)
    assert intervals(np.full((3, 1), np.nan), ["a", "b", "c"], "x")[0].count == 0

"""Rates of false negatives: Wilson's interval, and the rate corrected by a reviewed sample."""

from __future__ import annotations

import pytest

from nyxqa.builders.mining.judge_report import Rate, Reviewed, corrected_rate, share
from tests.support.planted_judge import chance

JUDGED, REVIEWED = 1_000, 150


def test_share() -> None:
    assert share(0, 100) == Rate(0.0, 0.0, pytest.approx(0.0370, abs=1e-4))
    assert share(10, 100) == Rate(0.1, pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))
    assert share(7, 7).high == 1.0


def simulated(planted: float, seed: int) -> tuple[Rate | None, float]:
    """A judge of sensitivity .85 and specificity .95 that hedges over one in thirty and refuses one in twenty."""
    asked = [number for number in range(JUDGED) if chance(seed, "refuses", number) >= 0.05]
    truth = {number: chance(seed, "truth", number) < planted for number in asked}
    said = {
        number: chance(seed, "says", number) < (0.85 if truth[number] else 0.05)
        and chance(seed, "hedges", number) > 1 / 30
        for number in asked
    }
    sample = sorted(asked, key=lambda number: chance(seed, "reviews", number))[:REVIEWED]
    answering = [number for number in sample if truth[number]]
    others = [number for number in sample if not truth[number]]
    reviewed = Reviewed(len(answering), sum(map(said.get, answering)), len(others), sum(map(said.get, others)))  # type: ignore[arg-type]
    return corrected_rate(sum(said.values()), len(asked), reviewed), sum(truth.values()) / len(asked)


@pytest.mark.parametrize("planted", [0.0, 0.1, 0.3])
def test_the_corrected_rate_covers_the_planted_truth(planted: float) -> None:
    covered = 0
    for seed in range(100):
        rate, truth = simulated(planted, seed)
        assert rate is not None and rate.low <= rate.rate <= rate.high
        covered += rate.low <= truth <= rate.high
    assert covered >= 93


def test_correction_moves_towards_the_truth() -> None:
    rate = corrected_rate(85 + 45, 1_000, Reviewed(1_000, 850, 9_000, 450))  # 10 % at .85 and .95
    assert rate is not None and rate.rate == pytest.approx(0.1, abs=0.005)
    assert corrected_rate(10, 100, Reviewed(100, 50, 100, 60)) is None
    assert corrected_rate(0, 0, Reviewed(1, 1, 1, 0)) is None

"""How far reviewers agree: raw agreement, Gwet's AC1, and kappa, each with its 95 % confidence interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

from nyxqa.builders.qa.options_probe import wilson_interval

Z = 1.959963984540054
CATEGORIES = ("accept", "reject")  # an unsure reviewer abstains
# The answers on one row by reviewer; rows that fewer than two answered say nothing about agreement.
Answers = Mapping[str, str]
_Pattern = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % confidence interval."""

    value: float
    low: float
    high: float


def agreement(rows: Iterable[Answers]) -> dict[str, Any] | None:
    """The figures over the rows that two or more answered; None if there are none.

    ``raw``: the mean share of pairs of reviewers that agree, over rows (Wilson's interval). ``ac1``: Gwet 2008.
    ``kappa``: Cohen's for two reviewers, Fleiss' for more; None where all answers are the same, when it has no value.
    The intervals of both come from the jackknife over rows.
    """
    counts = Counter(tuple(sorted(row.items())) for row in rows if len(row) > 1)
    total = sum(counts.values())
    if not total:
        return None
    reviewers = sorted({name for pattern in counts for name, _ in pattern})
    raw = _raw(counts)
    kappa = _cohen if len(reviewers) == 2 else _fleiss
    ac1, beside = _jackknife(counts, _ac1), _jackknife(counts, kappa)
    return {
        "rows": total,
        "reviewers": len(reviewers),
        "raw": asdict(Estimate(raw, *wilson_interval(raw * total, total))),
        "ac1": ac1 and asdict(ac1),
        "kappa": beside and asdict(beside),
        "kappa_of": "Cohen" if kappa is _cohen else "Fleiss",
    }


def _raw(counts: Mapping[_Pattern, int]) -> float:
    return sum(count * _pairs(pattern) for pattern, count in counts.items()) / sum(counts.values())


def _pairs(pattern: _Pattern) -> float:
    """Share of the pairs of reviewers that agree."""
    given, size = Counter(answer for _, answer in pattern), len(pattern)
    return sum(count * (count - 1) for count in given.values()) / (size * (size - 1))


def _shares(counts: Mapping[_Pattern, int]) -> list[float]:
    """Mean share of each category over rows."""
    total = sum(counts.values())
    return [
        sum(count * sum(answer == one for _, answer in row) / len(row) for row, count in counts.items()) / total
        for one in CATEGORIES
    ]


def _ac1(counts: Mapping[_Pattern, int]) -> float | None:
    chance = sum(share * (1 - share) for share in _shares(counts)) / (len(CATEGORIES) - 1)
    return (_raw(counts) - chance) / (1 - chance)


def _fleiss(counts: Mapping[_Pattern, int]) -> float | None:
    return _beyond(_raw(counts), sum(share * share for share in _shares(counts)))


def _cohen(counts: Mapping[_Pattern, int]) -> float | None:
    total = sum(counts.values())
    chance = 0.0
    for one in CATEGORIES:
        sides: Sequence[int] = [sum(n for row, n in counts.items() if row[side][1] == one) for side in (0, 1)]
        chance += sides[0] * sides[1] / total**2
    return _beyond(_raw(counts), chance)


def _beyond(raw: float, chance: float) -> float | None:
    return None if 1 - chance < 1e-12 else (raw - chance) / (1 - chance)


def _jackknife(
    counts: Mapping[_Pattern, int], statistic: Callable[[Mapping[_Pattern, int]], float | None]
) -> Estimate | None:
    """The statistic with the interval that leaving out each row in turn gives; None where it has no value."""
    value, total = statistic(counts), sum(counts.values())
    if value is None:
        return None
    left = [
        (count, statistic({**counts, pattern: count - 1} if count > 1 else _without(counts, pattern)))
        for pattern, count in counts.items()
        if total > 1
    ]
    known = [(count, one) for count, one in left if one is not None]
    if not known:
        return Estimate(value, -1.0, 1.0)
    weight = sum(count for count, _ in known)
    mean = sum(count * one for count, one in known) / weight
    spread = sqrt((weight - 1) / weight * sum(count * (one - mean) ** 2 for count, one in known))
    return Estimate(value, max(-1.0, value - Z * spread), min(1.0, value + Z * spread))


def _without(counts: Mapping[_Pattern, int], pattern: _Pattern) -> dict[_Pattern, int]:
    return {one: count for one, count in counts.items() if one != pattern}

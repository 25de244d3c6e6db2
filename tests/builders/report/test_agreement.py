"""Figures of two and three reviewers, against ones computed by hand."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

from nyxqa.builders.report.agreement import Z, agreement
from nyxqa.builders.report.review_figures import ReviewableRow, counted_rows, review_figures, review_lines
from nyxqa.schemas.verdicts import Key, Verdict

YES, NO = "accept", "reject"


def table(both_yes: int, first_yes: int, second_yes: int, both_no: int) -> list[dict[str, str]]:
    """Rows of two reviewers by what they said."""
    pairs = [(YES, YES)] * both_yes + [(YES, NO)] * first_yes + [(NO, YES)] * second_yes + [(NO, NO)] * both_no
    return [{"anna": one, "ben": other} for one, other in pairs]


def test_two_reviewers() -> None:
    # 80 + 5 of 100 agree. Anna accepts 90, Ben 85: chance .9 x .85 + .1 x .15 = .78; Cohen's kappa (.85 - .78) / .22.
    # Gwet: mean share of accept .875; chance 2 x .875 x .125 = .21875; (.85 - .21875) / .78125.
    found = agreement(table(80, 10, 5, 5))
    assert found is not None
    assert (found["rows"], found["reviewers"], found["kappa_of"]) == (100, 2, "Cohen")
    assert found["raw"]["value"] == pytest.approx(0.85)
    assert found["kappa"]["value"] == pytest.approx(0.07 / 0.22)
    assert found["ac1"]["value"] == pytest.approx(0.63125 / 0.78125)
    # Wilson: (.85 + z2/200 -+ z sqrt(.85 x .15 / 100 + z2 / 40000)) / (1 + z2/100)
    squared = Z * Z
    half = Z * sqrt(0.85 * 0.15 / 100 + squared / 40_000)
    bounds = [(0.85 + squared / 200 + sign * half) / (1 + squared / 100) for sign in (-1, 1)]
    assert [found["raw"]["low"], found["raw"]["high"]] == pytest.approx(bounds, abs=1e-4)


def test_the_interval_of_ac1_is_the_one_of_gwet() -> None:
    # Gwet 2008, equation 5.19 for two reviewers: variance over rows of the linearised statistic.
    rows, n = table(80, 10, 5, 5), 100
    share, chance, value = 0.875, 0.21875, 0.63125 / 0.78125
    own = []
    for row in rows:
        accepts = sum(said == YES for said in row.values()) / 2
        raw = 1.0 if len(set(row.values())) == 1 else 0.0
        expected = (1 - share) * accepts + share * (1 - accepts)
        own.append((raw - chance) / (1 - chance) - 2 * (1 - value) * (expected - chance) / (1 - chance))
    spread = sqrt(sum((one - value) ** 2 for one in own) / n / (n - 1))
    found = agreement(rows)
    assert found is not None
    bounds = [value - Z * spread, value + Z * spread]
    assert [found["ac1"]["low"], found["ac1"]["high"]] == pytest.approx(bounds, abs=2e-3)


def test_few_rejects_mislead_kappa_and_not_ac1() -> None:
    found = agreement(table(96, 2, 2, 0))
    assert found is not None
    # kappa: (.96 - .9608) / .0392; Gwet: chance 2 x .98 x .02.
    assert found["kappa"]["value"] == pytest.approx(-0.0008 / 0.0392)
    assert found["ac1"]["value"] == pytest.approx((0.96 - 0.0392) / 0.9608)


def test_three_reviewers() -> None:
    rows = [{"a": YES, "b": YES, "c": YES}] * 6 + [{"a": YES, "b": YES, "c": NO}] * 3 + [{"a": NO, "b": NO, "c": NO}]
    found = agreement(rows)
    assert found is not None
    # Raw: 7 rows agree wholly, 3 by a third: .8. Accepts: (6 + 3 x 2/3) / 10 = .8.
    assert found["raw"]["value"] == pytest.approx(0.8)
    assert found["kappa_of"] == "Fleiss"
    assert found["kappa"]["value"] == pytest.approx((0.8 - 0.68) / 0.32)
    assert found["ac1"]["value"] == pytest.approx((0.8 - 0.32) / 0.68)


def test_rows_of_one_reviewer_say_nothing_about_agreement() -> None:
    assert agreement([{"a": YES}, {"b": NO}, {}]) is None
    alike = agreement([{"a": YES, "b": YES}] * 5)
    assert alike is not None
    assert alike["kappa"] is None
    assert alike["ac1"]["value"] == 1.0


def figures(**reviewers: dict[str, str]) -> dict[str, Any]:
    """Figures over ten rows of kind text and 30 of kind single, by what reviewers said of rows ``t0`` ... ``s29``."""
    keys: list[Key] = [("train", "web", f"t{n}") for n in range(10)] + [("train", "web", f"s{n}") for n in range(30)]
    rows = [ReviewableRow(key, ("web", "text" if key[2][0] == "t" else "single"), "h") for key in keys]
    reviews = {
        name: {("train", "web", query): Verdict(query, "web", "train", said, seen="h") for query, said in own.items()}
        for name, own in reviewers.items()
    }
    return review_figures(reviews, *counted_rows(reviews, rows))


def test_the_share_of_right_rows_is_weighted_by_stratum() -> None:
    said = {f"t{n}": YES if n else NO for n in range(4)} | {f"s{n}": YES for n in range(4)}
    found = figures(anna=said)
    # Text: 3 of 4, a quarter of the rows; single: 4 of 4, three quarters. Effective rows: 1 / (.0625/4 + .5625/4).
    assert found["drawn"]["share"] == pytest.approx(0.25 * 0.75 + 0.75)
    assert (found["drawn"]["right"], found["drawn"]["rows"]) == (7, 8)
    n, squared, share = 6.4, Z * Z, 0.9375
    half = Z * sqrt(share * (1 - share) / n + squared / (4 * n * n))
    bounds = [(share + squared / (2 * n) + sign * half) / (1 + squared / n) for sign in (-1, 1)]
    assert [found["drawn"]["low"], found["drawn"]["high"]] == pytest.approx(bounds, abs=1e-3)


def test_one_stratum_gives_wilsons_interval_in_words() -> None:
    keys: list[Key] = [("train", "web", str(n)) for n in range(1000)]
    rows = [ReviewableRow(key, ("web", "text"), "h") for key in keys]
    said = {key: Verdict(key[2], "web", "train", NO if n < 9 else YES, seen="h") for n, key in enumerate(keys[:200])}
    assert review_lines(review_figures({"anna": said}, *counted_rows({"anna": said}, rows))) == [
        "191 of 200 drawn right: 95.5 % (91.7 to 97.6)"
    ]


def test_what_was_not_drawn_or_has_changed_is_no_estimate() -> None:
    keys: list[Key] = [("train", "web", str(n)) for n in range(4)]
    rows = [ReviewableRow(key, ("web", "text"), "h") for key in keys]
    said = {
        keys[0]: Verdict("0", "web", "train", YES, seen="h"),
        keys[1]: Verdict("1", "web", "train", NO, seen="h", drawn=False),
        keys[2]: Verdict("2", "web", "train", NO, seen="other"),
    }
    found = review_figures({"anna": said}, *counted_rows({"anna": said}, rows))
    assert (found["drawn"]["right"], found["drawn"]["rows"], found["changed"], found["rows"]) == (1, 1, 1, 2)


def test_the_judge_is_measured_on_accepted_rows_by_kind() -> None:
    keys: list[Key] = [("train", "web", str(n)) for n in range(3)]
    rows = [
        ReviewableRow(keys[0], ("web", "text"), "h", (("a", True), ("b", False), ("c", False)), frozenset("a")),
        ReviewableRow(keys[1], ("web", "text"), "h", (("d", True), ("e", False))),
        ReviewableRow(keys[2], ("web", "multi"), "h", (("f", False),)),
    ]
    said = {
        keys[0]: Verdict("0", "web", "train", YES, (), ("b",), "", "h"),
        keys[1]: Verdict("1", "web", "train", YES, seen="h"),
        keys[2]: Verdict("2", "web", "train", NO, seen="h"),
    }
    found = review_figures({"anna": said}, *counted_rows({"anna": said}, rows))
    # a: found, b: missed, c and e: rightly left, d: wrongly found; the third row is rejected, which says nothing.
    assert found["judge"].keys() == {"text"}
    rates = found["judge"]["text"]
    assert (rates["sensitivity"]["right"], rates["sensitivity"]["documents"]) == (1, 2)
    assert (rates["specificity"]["right"], rates["specificity"]["documents"]) == (2, 3)
    text = "the judge against reviewers, text: sensitivity 1 of 2: 50.0 % (9.5 to 90.5), specificity 2 of 3: 66.7 % ("
    assert any(line.startswith(text) for line in review_lines(found))

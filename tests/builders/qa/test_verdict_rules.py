"""What several verdicts on a row decide."""

from __future__ import annotations

import pytest

from nyxqa.builders.qa.verdict_rules import Decision, decide
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.recipe import Review
from nyxqa.schemas.verdicts import Verdict


def given(verdict: str, *relevant: str, reasons: tuple[str, ...] = ()) -> Verdict:
    return Verdict("q", "web", "train", verdict, reasons, relevant)


ONCE = [given("reject"), given("unsure")]
BOTH = [given("reject"), given("accept")]


@pytest.mark.parametrize(
    ("settings", "once", "both"),
    [
        (Review(), True, False),
        (Review(conflict="drop"), True, True),
        (Review(need=2), False, False),
        (Review(need=2, conflict="drop"), False, True),
        (Review(need=3, conflict="drop"), False, False),
    ],
    ids=str,
)
def test_need_and_conflict(settings: Review, once: bool, both: bool) -> None:
    assert [bool(decide(verdicts, settings).rejected) for verdicts in (ONCE, BOTH)] == [once, both]


def test_a_conflict_may_be_an_error() -> None:
    with pytest.raises(LawError, match="contradict each other on web train q: 1 accept it, 1 reject it; settle it"):
        decide(BOTH, Review(conflict="error"))
    assert decide(BOTH, Review(conflict="error", need=3)) == Decision(2)


def test_reasons_are_joined_in_one_order() -> None:
    verdicts = [given("reject", reasons=("b", "a")), given("reject", reasons=("c", "a"))]
    for order in (verdicts, verdicts[::-1]):
        assert decide(order, Review()) == Decision(2, "rejected by 2 of 2 reviewers: a, b, c")


def test_a_negative_is_marked_by_as_many_as_are_needed() -> None:
    verdicts = [given("accept", "d", "e"), given("unsure", "e", "e")]
    assert decide(verdicts, Review()).relevant == {"d", "e"}
    assert decide(verdicts, Review(need=2)).relevant == {"e"}
    assert decide([], Review()) == Decision()

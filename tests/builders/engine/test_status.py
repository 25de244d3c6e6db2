from __future__ import annotations

import pytest

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.activity import Activity, ActivityCounter
from nyxqa.builders.engine.status import Status, duration


@pytest.mark.parametrize(
    ("total", "shards", "activity", "text"),
    [
        (10, [], Activity(), "0 of 10 documents"),
        (
            10,
            [],
            Activity(items=4, requests=8, failed=1, in_flight=64, tokens=1234),
            "4 of 10 documents, 8 requests, 1 failed, 64 in flight, 1,234 tokens, 2 min left",
        ),
        (10, [(Counts(4, 3, 1, 0, 3), True)], Activity(), "4 of 10 documents, 1 dropped"),
        (10, [(Counts(4, 4), True), (Counts(2, 2), False)], Activity(items=3), "7 of 10 documents, 1 min left"),
        (None, [(Counts(4, 4), False)], Activity(), "4 documents"),
    ],
)
def test_the_state_of_a_step_counts_rows_of_unfinished_shards_and_requests(
    total: int | None, shards: list[tuple[Counts, bool]], activity: Activity, text: str
) -> None:
    status = Status("document", total)
    for counts, kept in shards:
        status.add(counts, kept)
    assert status.text(activity, elapsed=60.0) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59.0, "59 s"), (61.0, "2 min"), (3601.0, "1 h 1 min"), (12_000.0, "3 h 20 min")],
)
def test_a_duration_is_said_in_its_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_step_begins_with_no_counts_but_those_of_requests_in_flight() -> None:
    counter = ActivityCounter()
    counter.sent()
    counter.sent()
    counter.ended(12)
    assert list(counter.counted("ab")) == ["a", "b"]
    assert counter.now() == Activity(items=2, requests=1, in_flight=1, tokens=12)
    counter.begin_step()
    counter.ended(None)
    assert counter.now() == Activity(failed=1)

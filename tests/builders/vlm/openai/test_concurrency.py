from __future__ import annotations

import pytest

from nyxqa.builders.vlm.openai.limits import ConcurrencyLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def settled(most: int, slots: int, windows: int = 200) -> list[int]:
    """Limits after each window against a server that answers ``slots`` requests at a time, each in a second."""
    clock = Clock()
    limit = ConcurrencyLimit(most, clock)
    seen = []
    for _ in range(windows):
        count = limit.limit
        clock.now += count / min(count, slots)
        for _ in range(count):
            limit.answered(count)
        seen.append(limit.limit)
    return seen


@pytest.mark.parametrize("slots", [1, 16, 20, 64, 200])
def test_the_limit_grows_to_what_the_server_can_use_and_little_further(slots: int) -> None:
    limits = settled(1024, slots)
    stays = max(set(limits), key=limits.count)
    assert slots <= stays <= max(2.6 * slots, 21)
    assert max(limits) <= max(5.2 * slots, 64)


def test_the_limit_never_exceeds_the_most() -> None:
    assert max(settled(50, 1000)) == 50
    assert ConcurrencyLimit(4).limit == 4


def test_a_burst_of_congestion_halves_the_limit_once() -> None:
    limit = ConcurrencyLimit(64)
    limit.answered(16)
    for _ in range(10):
        limit.congested()
    assert limit.limit == 8


def test_too_few_requests_measure_nothing() -> None:
    limit = ConcurrencyLimit(64)
    for _ in range(1000):
        limit.answered(3)
    assert limit.limit == 16

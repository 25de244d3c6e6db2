"""Waits between tries."""

from __future__ import annotations

import asyncio

import pytest

from nyxqa.schemas.web.retry_policy import RetryPolicy

POLICY = RetryPolicy(attempts=4, first_wait=0.5, longest_wait=1.8, jitter=0.25, longest_retry_after=60.0)


def test_waits_double_up_to_the_longest_and_end() -> None:
    waits = [POLICY.wait_after(failures) or 0.0 for failures in (1, 2, 3)]
    assert 0.5 <= waits[0] <= 0.75
    assert 1.0 <= waits[1] <= 1.25
    assert waits[2] == 1.8
    assert POLICY.wait_after(4) is None


def test_the_server_may_ask_for_more_but_not_without_end() -> None:
    assert 10 <= (POLICY.wait_after(1, 10.0) or 0) <= 10.25
    assert 0.5 <= (POLICY.wait_after(1, 0.0) or 0) <= 0.75
    assert POLICY.wait_after(1, 61.0) is None
    assert POLICY.wait_after(4, 10.0) is None
    assert [POLICY.bounded(asked) for asked in (None, 5.0, 61.0)] == [None, 5.0, 60.0]


@pytest.mark.parametrize("failures", [100, 5000])
def test_many_tries_do_not_overflow(failures: int) -> None:
    assert RetryPolicy(10_000, 0.5, 30.0).wait_after(failures) == 30.0


def test_tries_stop_at_the_number_of_attempts_and_at_errors_that_stay() -> None:
    policy = RetryPolicy(attempts=3, first_wait=0.001, longest_wait=0.002, jitter=0.0)
    calls: list[int] = []

    def work(error: Exception) -> None:
        for attempt in policy.tries(lambda one: isinstance(one, OSError)):
            with attempt:
                calls.append(1)
                raise error

    with pytest.raises(OSError, match="again"):
        work(OSError("again"))
    assert len(calls) == 3
    with pytest.raises(KeyError):
        work(KeyError("never"))
    assert len(calls) == 4

    async def later() -> int:
        async for attempt in policy.tries(lambda one: 0.0):
            with attempt:
                calls.append(1)
                if len(calls) < 6:
                    raise KeyError
                return len(calls)
        raise AssertionError

    assert asyncio.run(later()) == 6

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from nyxqa.builders.engine.executors.threads import ThreadExecutor, thread_map
from nyxqa.builders.engine.ordered import ordered_results
from nyxqa.schemas.errors import BudgetError
from tests.support import tasks


def submit_doubled(number: int) -> Future[int]:
    future: Future[int] = Future()
    if number == 3:
        future.set_exception(tasks.UnlikelyError("three"))
    else:
        future.set_result(2 * number)
    return future


def test_no_more_than_the_limit_is_submitted_ahead() -> None:
    submitted: list[int] = []

    def submit(number: int) -> Future[int]:
        submitted.append(number)
        return submit_doubled(10 * number)

    results = ordered_results(submit, range(50), 3)
    for taken in range(50):
        assert next(results) == 20 * taken
        assert len(submitted) <= taken + 3
    assert next(results, None) is None


def test_the_first_error_in_order_is_raised() -> None:
    results = ordered_results(submit_doubled, iter(range(10)), 4)
    assert [next(results) for _ in range(3)] == [0, 2, 4]
    with pytest.raises(tasks.UnlikelyError, match="three"):
        next(results)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_give_results_in_the_order_of_the_tasks(threads: int) -> None:
    assert list(thread_map(tasks.slow_if_even, range(12), threads)) == list(range(12))
    assert list(ThreadExecutor(threads).map(tasks.slow_if_even, range(12))) == list(range(12))
    assert list(thread_map(tasks.double, [], threads)) == []


def test_tasks_are_read_as_far_ahead_as_there_are_threads() -> None:
    read: list[int] = []

    def feed() -> Iterator[int]:
        for number in range(50):
            read.append(number)
            yield number

    results = thread_map(tasks.double, feed(), 4)
    assert next(results) == 0
    assert len(read) <= 5


def test_a_spent_budget_is_raised_once_the_other_threads_have_ended() -> None:
    release, ended = threading.Event(), threading.Event()

    def work(number: int) -> int:
        if number == 0:
            threading.Timer(0.1, release.set).start()
            raise BudgetError("spent")
        release.wait(10)
        ended.set()
        return number

    with pytest.raises(BudgetError):
        list(ThreadExecutor(2).map(work, range(2)))
    assert ended.is_set()

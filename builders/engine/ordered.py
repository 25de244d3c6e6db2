"""The ordered, bounded map: results in the order of their tasks, with a bounded number of tasks under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ordered_results(
    submit: Callable[[T], Future[R]],
    tasks: Iterable[T],
    pending_limit: int,
    awaited_errors: tuple[type[BaseException], ...] = (),
) -> Iterator[R]:
    """Results in the order of ``tasks``, which is read lazily; the first error in that order is raised.

    :param submit: Starts a task.
    :param pending_limit: Most tasks submitted whose result has not been taken yet.
    :param awaited_errors: Errors that are raised only once every submitted task has ended.
    """
    pending: deque[Future[R]] = deque()
    try:
        for task in tasks:
            pending.append(submit(task))
            if len(pending) >= pending_limit:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except awaited_errors:
        wait(pending)
        raise

"""Tasks in threads of this process, for work that waits or releases Python's lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from nyxqa.builders.engine.ordered import ordered_results
from nyxqa.schemas.errors import BudgetError

T = TypeVar("T")
R = TypeVar("R")


def thread_map(function: Callable[[T], R], tasks: Iterable[T], threads: int) -> Iterator[R]:
    """Results in the order of ``tasks``, which is read only ``threads`` tasks ahead."""
    with ThreadPoolExecutor(threads) as pool:
        yield from ordered_results(lambda task: pool.submit(function, task), tasks, threads + 1)


class ThreadExecutor:
    """Threads of this process, for tasks that mostly wait for an endpoint and share one model.

    The threads do not keep the process alive: an interrupted run ends at once.

    :param threads: Most tasks under way at a time.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``tasks``.

        :raises BudgetError: If the budget of the model is spent, once the other threads have stored what they paid for.
        """
        yield from ordered_results(partial(_start_thread, function), tasks, self.threads, (BudgetError,))


def _start_thread(function: Callable[[T], R], task: T) -> Future[R]:
    future: Future[R] = Future()

    def work() -> None:
        try:
            future.set_result(function(task))
        except BaseException as error:  # raised where the result is taken
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future

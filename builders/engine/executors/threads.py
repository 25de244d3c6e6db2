"""Work that lets other threads run, in several threads of this process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from nyxqa.schemas.errors import BudgetError

T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], tasks: Iterable[T], threads: int) -> Iterator[R]:
    """Results in the order of ``tasks``, which is read only a little ahead."""
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[R]] = deque()
        for task in tasks:
            pending.append(pool.submit(work, task))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


class ThreadExecutor:
    """Threads of this process, for tasks that mostly wait for an endpoint and share one model.

    The threads do not keep the process alive: an interrupted run ends at once.

    :param threads: Tasks under way at a time.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``tasks``; with a spent budget, what the other threads have paid for is awaited."""
        pending: deque[Future[R]] = deque()
        try:
            for task in tasks:
                pending.append(_started(function, task))
                if len(pending) >= self.threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BudgetError:
            wait(pending)
            raise


def _started(function: Callable[[T], R], task: T) -> Future[R]:
    future: Future[R] = Future()

    def work() -> None:
        try:
            future.set_result(function(task))
        except BaseException as error:  # raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future

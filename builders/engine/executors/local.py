"""Where shards are worked on: one small protocol, and local processes behind it."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from types import TracebackType
from typing import TypeVar

from nyxqa.schemas.errors import WorldError

T = TypeVar("T")
R = TypeVar("R")

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


class LocalExecutor:
    """Spawned processes on this machine, or this very process for one worker or a single task.

    The processes start with the first tasks that need them and stay until the executor is closed: starting them costs
    more than most steps do.

    :param workers: Number of processes.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all processes at once; what they had not finished is redone on the next run."""
        pool, self._pool = self._pool, None
        if pool is not None:
            _end(pool)

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``tasks``.

        :raises WorldError: If a worker dies, as one killed for lack of memory does.
        """
        iterator = iter(tasks)
        first = list(islice(iterator, 2))
        if self.workers == 1 or len(first) < 2:
            yield from map(function, chain(first, iterator))
            return
        yield from self._spawned(function, chain(first, iterator))

    def _spawned(self, function: Callable[[T], R], tasks: Iterator[T]) -> Iterator[R]:
        pool = self._pool = self._pool or ProcessPoolExecutor(
            self.workers, multiprocessing.get_context("spawn"), _start_worker
        )
        pending: deque[Future[R]] = deque()
        try:
            for task in tasks:
                pending.append(_submit(pool, function, task))
                if len(pending) >= 2 * self.workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            self.close()
            raise WorldError(
                "a worker process died, killed perhaps for lack of memory; run again with fewer --workers"
            ) from error
        except BaseException:
            self.close()
            raise


def _submit(pool: ProcessPoolExecutor, function: Callable[[T], R], task: T) -> Future[R]:
    """Hand ``task`` to the pool, which may start a process: one that Ctrl-C cannot reach before it ignores it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(function, task)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(pool: ProcessPoolExecutor) -> None:
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    for process in processes:
        process.join()


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and die with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    if sys.platform == "linux":  # at once, also from within a long call that lets no thread run
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

"""Where shards are worked on: one small protocol, and local processes behind it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import Protocol, TypeVar

from nyxqa.schemas.errors import WorldError

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Runs a picklable function over tasks."""

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``tasks``, which is read lazily; the first error of a task is raised."""
        ...


class LocalExecutor:
    """Spawned processes on this machine, or this very process for one worker or a single task.

    The processes are started by the first map that needs them and kept for the next one.

    :param workers: Number of processes.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``tasks``.

        :raises WorldError: If a worker dies, as one killed for lack of memory does.
        """
        iterator = iter(tasks)
        first = list(islice(iterator, 2))
        if self.workers == 1 or len(first) < 2:
            yield from map(function, chain(first, iterator))
            return
        try:
            yield from self._spawned(function, chain(first, iterator))
        except BrokenProcessPool as error:
            raise WorldError(
                "a worker process died, killed perhaps for lack of memory; run again with fewer --workers"
            ) from error

    def _spawned(self, function: Callable[[T], R], tasks: Iterator[T]) -> Iterator[R]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.workers, multiprocessing.get_context("spawn"), _start_worker)
        pending: deque[Future[R]] = deque()
        done = False
        try:
            for task in tasks:
                pending.append(self._pool.submit(function, task))
                if len(pending) >= 2 * self.workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
            done = True
        finally:
            if not done:
                self.close()

    def close(self) -> None:
        """End the processes at once: what is unfinished is redone on the next run."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
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


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

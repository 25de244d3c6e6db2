"""Worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import chain, islice
from types import TracebackType
from typing import TypeVar

from nyxqa.builders.engine.executors.parent import die_with_parent
from nyxqa.builders.engine.ordered import ordered_results
from nyxqa.schemas.errors import WorldError

T = TypeVar("T")
R = TypeVar("R")

_PRELOADED = ["nyxqa.builders.engine.executors.forkserver_process", "nyxqa.builders.preloaded"]


class LocalExecutor:
    """Processes on this machine, or this process itself for one worker, or for a single task before they run.

    The processes start with the first tasks that need them and live until the executor is closed: starting them costs
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
        """Kill all processes; the next run repeats what they had not finished."""
        pool, self._pool = self._pool, None
        if pool is not None:
            _end(pool)

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``tasks``.

        :raises WorldError: If a worker process dies, for example because memory ran out.
        """
        iterator = iter(tasks)
        first = list(islice(iterator, 2))
        if self.workers == 1 or (len(first) < 2 and self._pool is None):
            yield from map(function, chain(first, iterator))
            return
        yield from self._spawned(function, chain(first, iterator))

    def _spawned(self, function: Callable[[T], R], tasks: Iterator[T]) -> Iterator[R]:
        pool = self._pool = self._pool or _start_pool(self.workers)
        try:
            yield from ordered_results(partial(_submit, pool, function), tasks, 2 * self.workers)
        except BrokenProcessPool as error:
            self.close()
            raise WorldError(
                "a worker process died, perhaps because memory ran out; run again with fewer --workers"
            ) from error
        except BaseException:
            self.close()
            raise


def _start_pool(workers: int) -> ProcessPoolExecutor:
    """A pool whose processes are forked, where that is possible, from one that has imported what they need."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        # The process they are forked from may be older than a change of the environment.
        return ProcessPoolExecutor(workers, context, _start_worker, (dict(os.environ),))
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker)


def _submit(pool: ProcessPoolExecutor, function: Callable[[T], R], task: T) -> Future[R]:
    """Submit ``task`` with SIGINT blocked: a process that the pool starts inherits that until it ignores SIGINT."""
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


def _start_worker(environment: dict[str, str] | None = None) -> None:
    """Ignore Ctrl-C, which the parent handles, and die with the parent.

    :param environment: That of the parent.
    """
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    die_with_parent()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

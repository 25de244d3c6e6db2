"""An ordered, bounded map over asynchronous calls, behind a plain iterator."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_MAX_TOGETHER = 16  # calls that are handed to the loop at a time
_MAX_BUFFERED = 16  # results that may wait behind a slow one, as a multiple of the concurrency


class EventLoopThread:
    """An event loop in a thread of its own that dies with the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vlm", daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, R]) -> Future[R]:
        """Start ``coroutine``; any other thread can wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call_soon(self, function: Callable[..., object], *values: object) -> None:
        """Call ``function`` in the loop's thread; other threads go on."""
        self._loop.call_soon_threadsafe(function, *values)

    def stop(self) -> None:
        """End the loop and its thread."""
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


class _Call(Generic[R]):
    """One call: its task, and its result once it is done."""

    __slots__ = ("done", "result", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[R] | None = None
        self.done = False
        self.result: R


class OrderedAsyncMap(Generic[T, R]):
    """Calls ``work`` on items and yields results in input order.

    Twice ``concurrency`` calls are in flight, so that work which limits itself always has the next item ready; memory
    holds no more inputs than that. A slow item delays the output but not the other calls, until 16 times
    ``concurrency`` results are buffered behind it. Calls are handed to the loop, and its results taken back, several
    at a time, because waking a thread costs as much as a call.

    :param concurrency: The number of calls that make progress at a time; it may change.
    :param drain_on: Errors before which calls in flight may finish; on others they are cancelled.
    """

    def __init__(
        self,
        loop: EventLoopThread,
        work: Callable[[T], Coroutine[Any, Any, R]],
        concurrency: Callable[[], int],
        drain_on: type[BaseException],
    ) -> None:
        self._loop, self._work, self._drain_on = loop, work, drain_on
        self._concurrency = concurrency
        self._changed = threading.Condition()
        self._calls: deque[_Call[R]] = deque()
        self._in_flight = 0
        self._error: BaseException | None = None

    def results(self, items: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``items``, which is read lazily and in this thread.

        :raises NyxqaError: The first error of a call.
        """
        source, more = iter(items), True
        try:
            while more or self._calls:
                while more and (room := self._room()):
                    batch = list(islice(source, room))
                    more = len(batch) == room
                    self._start(batch)
                while self._calls and self._calls[0].done and self._error is None:
                    with self._changed:
                        call = self._calls.popleft()
                    yield call.result
                self._wait(more)
                if self._error is not None:
                    raise self._error
        finally:
            self._finish()

    def _room(self) -> int:
        """How many items to start together now; 0 until that many may start."""
        concurrency = self._concurrency()
        together = max(1, min(_MAX_TOGETHER, concurrency // 4))
        free = min(2 * concurrency - self._in_flight, _MAX_BUFFERED * concurrency - len(self._calls))
        return together if free >= together else 0

    def _start(self, batch: list[T]) -> None:
        calls: list[_Call[R]] = [_Call() for _ in batch]
        with self._changed:
            self._calls.extend(calls)
            self._in_flight += len(batch)
        if batch:
            self._loop.call_soon(self._create_tasks, list(zip(calls, batch, strict=True)))

    def _create_tasks(self, batch: list[tuple[_Call[R], T]]) -> None:
        for call, item in batch:
            call.task = asyncio.ensure_future(self._work(item))
            call.task.add_done_callback(partial(self._finished, call))

    def _finished(self, call: _Call[R], task: asyncio.Task[R]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            call.result = task.result()
        call.done = True
        with self._changed:
            self._in_flight -= 1
            if error is not None and self._error is None:
                self._error = error
            if self._error is not None or self._may_go_on(True) or not self._in_flight:
                self._changed.notify_all()

    def _may_go_on(self, more: bool) -> bool:
        """Whether the first call is done, or further items may start."""
        return bool(self._calls) and (self._calls[0].done or (more and bool(self._room())))

    def _wait(self, more: bool) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or not self._calls or self._may_go_on(more))

    def _finish(self) -> None:
        """Wait until no call is in flight; unless errors let them finish, they are cancelled."""
        if self._in_flight and not isinstance(self._error, self._drain_on):
            self._loop.call_soon(self._cancel, list(self._calls))
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight)

    @staticmethod
    def _cancel(calls: list[_Call[R]]) -> None:
        for call in calls:
            if call.task is not None:
                call.task.cancel()

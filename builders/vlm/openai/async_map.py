"""An ordered, bounded map over asynchronous calls, behind a plain iterator."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, Future, wait
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

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

    def stop(self) -> None:
        """End the loop and its thread."""
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


class OrderedAsyncMap(Generic[T, R]):
    """Calls ``work`` on items and yields results in input order.

    Twice ``concurrency`` calls are in flight, so that work which limits itself always has the next item ready; memory
    holds no more inputs than that. A slow item delays the output but not the other calls, until 16 times
    ``concurrency`` results are buffered behind it.

    :param drain_on: Errors before which calls in flight may finish; on others they are cancelled.
    """

    def __init__(
        self,
        loop: EventLoopThread,
        work: Callable[[T], Coroutine[Any, Any, R]],
        concurrency: int,
        drain_on: type[BaseException],
    ) -> None:
        self._loop, self._work, self._concurrency, self._drain_on = loop, work, concurrency, drain_on
        self._changed = threading.Condition()
        self._in_flight = 0
        self._error: BaseException | None = None

    def results(self, items: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``items``, which is read lazily and in this thread.

        :raises NyxqaError: The first error of a call.
        """
        pending: deque[Future[R]] = deque()
        source = iter(items)
        more = True
        try:
            while more or pending:
                if (
                    more
                    and self._in_flight < 2 * self._concurrency
                    and len(pending) < _MAX_BUFFERED * self._concurrency
                ):
                    try:
                        item = next(source)
                    except StopIteration:
                        more = False
                    else:
                        pending.append(self._start(item))
                    continue
                if pending and pending[0].done() and self._error is None:
                    yield pending.popleft().result()
                    continue
                self._wait(pending, more)
                if self._error is not None:
                    raise self._error
        finally:
            self._finish(pending)

    def _start(self, item: T) -> Future[R]:
        with self._changed:
            self._in_flight += 1
        future = self._loop.submit(self._work(item))
        future.add_done_callback(self._finished)
        return future

    def _finished(self, future: Future[R]) -> None:
        error = None if future.cancelled() else future.exception()
        with self._changed:
            self._in_flight -= 1
            if error is not None and self._error is None:
                self._error = error
            self._changed.notify_all()

    def _wait(self, pending: deque[Future[R]], more: bool) -> None:
        """Wait until the first call is done, a call failed, or another item may start."""
        room = 2 * self._concurrency if more and len(pending) < _MAX_BUFFERED * self._concurrency else 0
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or pending[0].done() or self._in_flight < room)

    def _finish(self, pending: deque[Future[R]]) -> None:
        if not isinstance(self._error, self._drain_on):
            for future in pending:
                future.cancel()
        for future in wait(pending).done:
            try:
                future.exception()
            except CancelledError:
                continue

"""Many asynchronous calls behind a plain iterator: kept busy, bounded, answered in the order of the input."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, Future, wait
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_FINISHED_AHEAD = 16  # answers that may wait behind a slow one, as a multiple of the concurrency


class EventLoopThread:
    """An event loop in a thread of its own that dies with the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vlm", daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, R]) -> Future[R]:
        """Start ``coroutine``; its result can be waited for from any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def stop(self) -> None:
        """End the loop and its thread."""
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


class OrderedMap(Generic[T, R]):
    """Calls ``work`` on items and yields results in input order.

    Twice the concurrency is under way, so that work which limits itself finds the next item ready, and memory holds no
    more inputs than that; a slow item holds up the output but not the work, until enough results wait behind it.

    :param patient: Errors on which what is under way may finish before the error is raised.
    """

    def __init__(
        self,
        loop: EventLoopThread,
        work: Callable[[T], Coroutine[Any, Any, R]],
        concurrency: int,
        patient: type[BaseException],
    ) -> None:
        self._loop, self._work, self._concurrency, self._patient = loop, work, concurrency, patient
        self._changed = threading.Condition()
        self._open = 0
        self._error: BaseException | None = None

    def over(self, items: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``items``, which is read lazily and in this thread.

        :raises NyxqaError: The first error of a call; the others are cancelled, or finished where it is ``patient``.
        """
        waiting: deque[Future[R]] = deque()
        source = iter(items)
        more = True
        try:
            while more or waiting:
                if more and self._open < 2 * self._concurrency and len(waiting) < _FINISHED_AHEAD * self._concurrency:
                    try:
                        item = next(source)
                    except StopIteration:
                        more = False
                    else:
                        waiting.append(self._start(item))
                    continue
                if waiting and waiting[0].done() and self._error is None:
                    yield waiting.popleft().result()
                    continue
                self._wait(waiting, more)
                if self._error is not None:
                    raise self._error
        finally:
            self._end(waiting)

    def _start(self, item: T) -> Future[R]:
        with self._changed:
            self._open += 1
        future = self._loop.submit(self._work(item))
        future.add_done_callback(self._finished)
        return future

    def _finished(self, future: Future[R]) -> None:
        error = None if future.cancelled() else future.exception()
        with self._changed:
            self._open -= 1
            if error is not None and self._error is None:
                self._error = error
            self._changed.notify_all()

    def _wait(self, waiting: deque[Future[R]], more: bool) -> None:
        """Wait until the head is done, an error came, or there is room for another item."""
        room = 2 * self._concurrency if more and len(waiting) < _FINISHED_AHEAD * self._concurrency else 0
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or waiting[0].done() or self._open < room)

    def _end(self, waiting: deque[Future[R]]) -> None:
        if not isinstance(self._error, self._patient):
            for future in waiting:
                future.cancel()
        for future in wait(waiting).done:
            try:
                future.exception()
            except CancelledError:
                continue

"""What the running step is doing: items and requests done so far in this process, for display alone."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Activity:
    """Counts since the step began.

    :param items: Input rows whose results are there, in shards that may be unfinished.
    :param requests: Requests to a model that were answered.
    :param failed: Requests to a model that got no usable answer.
    :param in_flight: Requests to a model that wait for an answer.
    :param tokens: Tokens of prompts and answers, as the server counts them.
    """

    items: int = 0
    requests: int = 0
    failed: int = 0
    in_flight: int = 0
    tokens: int = 0

    @property
    def asks(self) -> bool:
        """Whether any request was sent."""
        return bool(self.requests or self.failed or self.in_flight)


class ActivityCounter:
    """Counts from any thread of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items = self._requests = self._failed = self._in_flight = self._tokens = 0

    def now(self) -> Activity:
        """The counts of this moment."""
        with self._lock:
            return Activity(self._items, self._requests, self._failed, self._in_flight, self._tokens)

    def begin_step(self) -> None:
        """Set all counts but that of the requests in flight to 0."""
        with self._lock:
            self._items = self._requests = self._failed = self._tokens = 0

    def sent(self) -> None:
        """Count a request that was sent."""
        with self._lock:
            self._in_flight += 1

    def ended(self, tokens: int | None) -> None:
        """Count a request that is over.

        :param tokens: Tokens of prompt and answer; None if there is no usable answer.
        """
        with self._lock:
            self._in_flight -= 1
            if tokens is None:
                self._failed += 1
            else:
                self._requests += 1
                self._tokens += tokens

    def counted(self, items: Iterable[T]) -> Iterator[T]:
        """``items``, each counted when it is taken."""
        for item in items:
            with self._lock:
                self._items += 1
            yield item


ACTIVITY = ActivityCounter()

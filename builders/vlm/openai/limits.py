"""Limits of a run: retries, timeouts, budget, and how many requests one server gets at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from nyxqa.schemas.errors import BudgetError
from nyxqa.schemas.web.retry_policy import RetryPolicy

FIRST_LIMIT = 16  # requests at a time before anything is measured
_GAIN = 1.05  # a larger number of requests must raise the rate by this factor
_SPARE = 1.25  # a short queue at the server keeps its slots busy between an answer and the next request
_PAUSE = 32  # windows until a larger number is tried again


@dataclass(frozen=True, slots=True)
class EndpointPolicy(RetryPolicy):
    """When to retry and when to give up on an endpoint.

    :param connect: Seconds to reach the server.
    :param read: Seconds between two pieces of its response.
    :param total: Seconds until a response is complete, however often a piece of it comes.
    :param streak: Consecutive failed requests after which the endpoint counts as dead.
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    jitter: float = 0.5
    connect: float = 10.0
    read: float = 600.0
    total: float = 1800.0
    streak: int = 16


@dataclass(slots=True)
class Usage:
    """Requests and tokens of this run; models that share a budget share one instance.

    :param requests: Requests sent, retries included.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def check(self, max_requests: int | None, max_tokens: int | None) -> None:
        """Raise if another request would exceed the budget; requests in flight may exceed ``max_tokens``.

        :raises BudgetError: With what was spent and how to continue.
        """
        spent = f"{self.requests} requests, {self.tokens} tokens"
        if max_requests is not None and self.requests >= max_requests:
            raise BudgetError(f"budget vlm.max_requests = {max_requests} is spent ({spent}); run again to continue")
        if max_tokens is not None and self.tokens >= max_tokens:
            raise BudgetError(f"budget vlm.max_tokens = {max_tokens} is spent ({spent}); run again to continue")


class ConcurrencyLimit:
    """A limit that grows while the server's rate grows with it, and halves when the server says that it is too much.

    The rate is measured over as many answers as the limit allows requests. A limit under which requests are scarce
    measures the requests, not the server, and stays.

    :param most: The largest limit.
    :param clock: Seconds that only increase.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self.limit = most, min(FIRST_LIMIT, most)
        self._clock = clock
        self._rate = 0.0  # of the best limit so far
        self._best = self.limit
        self._pause = 0  # windows left until the limit may grow
        self._answers, self._scarce, self._started = 0, False, clock()

    def answered(self, in_flight: int) -> None:
        """Note an answer.

        :param in_flight: Requests at the server when it came, its own included.
        """
        self._answers += 1
        self._scarce = self._scarce or in_flight < self.limit
        if self._answers < self.limit:
            return
        elapsed = self._clock() - self._started
        rate = self._answers / elapsed if elapsed > 0 else math.inf
        if self._pause:
            self._pause -= 1
            if not self._pause:
                self._rate = rate
                self._grow()
        elif not self._scarce:
            self._compare(rate)
        self._begin_window()

    def congested(self) -> None:
        """Note that the server asked for fewer requests; one burst of such answers counts once."""
        if self._answers or not self._pause:
            self.limit = self._best = max(1, self.limit // 2)
            self._pause = _PAUSE
            self._begin_window()

    def _compare(self, rate: float) -> None:
        """Grow after a better rate, else return to the best limit."""
        if rate > self._rate * _GAIN:
            self._rate, self._best = rate, self.limit
            self._grow()
        elif self.limit > self._best:
            self.limit = min(self.most, math.ceil(self._best * _SPARE))
            self._pause = _PAUSE

    def _grow(self) -> None:
        self.limit = min(self.most, self.limit * 2)

    def _begin_window(self) -> None:
        self._answers, self._scarce, self._started = 0, False, self._clock()

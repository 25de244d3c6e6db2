"""How often a request is repeated, and how long to wait in between."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential waits with jitter; they do not affect results.

    :param attempts: Tries of one request, the first included.
    :param first_wait: Seconds before the second try, doubled for each further one.
    :param longest_wait: Maximum seconds between two tries, jitter included, unless the server requests more.
    :param jitter: Maximum of the random seconds that are added to each wait.
    :param longest_retry_after: Maximum seconds of a ``Retry-After`` that are honoured.
    """

    attempts: int
    first_wait: float
    longest_wait: float
    jitter: float = 1.0
    longest_retry_after: float = 600.0

    def wait_after(self, failures: int, retry_after: float | None = None) -> float | None:
        """Seconds to wait after ``failures`` failed tries; None for no further try.

        There is none after the last try, or if the server requests more than ``longest_retry_after``.

        :param retry_after: Seconds that the server requests.
        """
        if failures >= self.attempts or (retry_after is not None and retry_after > self.longest_retry_after):
            return None
        jitter = random.uniform(0, self.jitter)  # noqa: S311 - decides when, never what
        wait = min(self.first_wait * 2.0 ** min(failures - 1, 64) + jitter, self.longest_wait)
        return wait if retry_after is None else max(wait, retry_after + jitter)

    def bounded(self, retry_after: float | None) -> float | None:
        """The seconds that the server requests, at most ``longest_retry_after``."""
        return None if retry_after is None else min(retry_after, self.longest_retry_after)

    def tries(self, may_pass: Callable[[Exception], bool | float]) -> Any:
        """The tries as ``stamina.retry_context`` gives them, for ``for`` and ``async for``.

        :param may_pass: Whether an error may pass; a number is the seconds to wait instead of this policy's.
        """
        import stamina

        # Without a listener stamina's logger prints every repetition.
        logger = logging.getLogger("stamina")
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        return stamina.retry_context(
            on=may_pass,
            attempts=self.attempts,
            timeout=None,
            wait_initial=self.first_wait,
            wait_max=self.longest_wait,
            wait_jitter=self.jitter,
        )

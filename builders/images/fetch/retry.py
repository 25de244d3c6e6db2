"""When a URL is tried again, and when a host is left alone."""

from __future__ import annotations

import time
from collections import OrderedDict

from nyxqa.builders.images.errors import Reason
from nyxqa.builders.images.fetch.errors import FetchError
from nyxqa.schemas.web.retry_policy import RetryPolicy

# Redirects do not count as tries. A server that asks for a longer wait gets no further try in this run.
POLICY = RetryPolicy(attempts=3, first_wait=0.5, longest_wait=60.0, jitter=0.5, longest_retry_after=60.0)

STREAK = 64  # URLs of a host that fail in a row before it counts as down
_DOWN_SECONDS = 60.0  # afterwards one more failure is enough
_MOST_HOSTS = 10_000  # that are remembered
_DOWN: frozenset[Reason] = frozenset(("connect", "dns", "no_response", "timeout", "tls"))


class CircuitBreaker:
    """Counts failures in a row of each host; one with too many is not asked for a while.

    :param streak: Failures in a row after which a host counts as down.
    """

    def __init__(self, streak: int = STREAK) -> None:
        self._streak = streak
        self._hosts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, host: str) -> None:
        """Raise if ``host`` is down.

        :raises FetchError: With reason ``host_down``.
        """
        failures, until = self._hosts.get(host, (0, 0.0))
        if until > time.monotonic():
            raise FetchError("host_down", f"{host}: {failures} URLs in a row got no answer")

    def record_answer(self, host: str) -> None:
        """Note that ``host`` answered, with whatever status."""
        self._hosts.pop(host, None)

    def record_failure(self, host: str, reason: Reason) -> None:
        """Note that a URL of ``host`` failed after all its tries."""
        if reason not in _DOWN:
            return
        failures = self._hosts.get(host, (0, 0.0))[0] + 1
        self._hosts[host] = failures, time.monotonic() + _DOWN_SECONDS if failures >= self._streak else 0.0
        self._hosts.move_to_end(host)
        if len(self._hosts) > _MOST_HOSTS:
            self._hosts.popitem(last=False)


def wait_before_retry(failures: int, error: FetchError) -> float | None:
    """Seconds to wait after ``failures`` failed tries, the last with ``error``; None for no further try."""
    return POLICY.wait_after(failures, error.retry_after) if error.transient else None

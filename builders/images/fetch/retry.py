"""Hosts that are down are not asked about URL after URL."""

from __future__ import annotations

import time
from collections import OrderedDict

from nyxqa.builders.images.errors import Reason
from nyxqa.builders.images.fetch.errors import FetchError
from nyxqa.schemas.web.retry_policy import RetryPolicy

# Redirects are not tries. A server that asks for more than the longest wait gets no further try in this run.
POLICY = RetryPolicy(attempts=3, first_wait=0.5, longest_wait=60.0, jitter=0.5, longest_retry_after=60.0)

STREAK = 64  # URLs of a host that fail one after the other before it counts as down
_SECONDS = 60.0  # that it counts as down; then one more failure is enough
_KEPT = 10_000  # hosts that are remembered
_DOWN: frozenset[Reason] = frozenset(("connect", "dns", "no_response", "timeout", "tls"))


class Breaker:
    """Counts the failures of hosts without an answer in between.

    :param streak: Failures that make a host count as down.
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

    def answered(self, host: str) -> None:
        """Note that ``host`` answered, whatever it said."""
        self._hosts.pop(host, None)

    def failed(self, host: str, reason: Reason) -> None:
        """Note that a URL of ``host`` failed for good."""
        if reason not in _DOWN:
            return
        failures = self._hosts.get(host, (0, 0.0))[0] + 1
        self._hosts[host] = failures, time.monotonic() + _SECONDS if failures >= self._streak else 0.0
        self._hosts.move_to_end(host)
        if len(self._hosts) > _KEPT:
            self._hosts.popitem(last=False)


def wait_before_retry(failures: int, error: FetchError) -> float | None:
    """Seconds to wait after ``failures`` failed tries, the last with ``error``; None for no further try."""
    return POLICY.wait_after(failures, error.wait) if error.passing else None

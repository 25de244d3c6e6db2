"""Why a URL gave no bytes, when it is tried again, and when a host is left alone."""

from __future__ import annotations

import time
from collections import OrderedDict

from nyxqa.builders.images.errors import Reason
from nyxqa.schemas.web.retry_policy import RetryPolicy

_BY_STATUS: dict[int, Reason] = {403: "http_403", 404: "http_404", 410: "http_410", 429: "http_429"}
_TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504))
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


class FetchError(Exception):
    """A request that gave no image file.

    :param reason: Ledger reason if no further try succeeds.
    :param detail: One line about it, without the URL.
    :param transient: Whether another try may succeed.
    :param retry_after: Seconds that the server asks to wait.
    """

    def __init__(self, reason: Reason, detail: str, transient: bool = False, retry_after: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
        self.transient = transient
        self.retry_after = retry_after


def status_error(status: int, retry_after: float | None) -> FetchError:
    """The failure that an HTTP status means."""
    other: Reason = "http_5xx" if 500 <= status < 600 else "http_4xx" if 400 <= status < 500 else "http_other"
    return FetchError(_BY_STATUS.get(status, other), f"status {status}", status in _TRANSIENT, retry_after)

"""Hosts that are down are not asked about URL after URL."""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from email.utils import parsedate_to_datetime

from nyxqa.builders.images.errors import Reason
from nyxqa.builders.images.fetch.errors import FetchError

TRIES = 3  # of one URL, redirects not counted
FIRST_WAIT = 0.5  # seconds before the second try, doubled for the next
LONGEST_WAIT = 60.0  # seconds that a server may ask for; who asks for more gets no further try in this run


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


def wait_before(tries: int, asked: float | None) -> float | None:
    """Seconds to wait after ``tries`` tries, with jitter; nothing if there shall be no further try.

    :param asked: Seconds that the server asks for.
    """
    if tries >= TRIES or (asked is not None and asked > LONGEST_WAIT):
        return None
    jitter = random.uniform(0, FIRST_WAIT)  # noqa: S311 - decides when, never what
    return max(asked or 0.0, FIRST_WAIT * float(1 << tries - 1)) + jitter


def retry_after(value: str | None) -> float | None:
    """Seconds of a header ``Retry-After``, which holds a number or a date; nothing if it holds neither."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None

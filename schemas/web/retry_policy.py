"""How often a request is repeated, how long to wait in between, and how long a server asks to wait."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
# A proxy that adds a header of its own leaves a list. A comma inside a date follows the name of a day.
_ELEMENT = re.compile(r"\s*((?:[A-Za-z]+,)?[^,]*)(?:,|\Z)")
# As Go prints durations; a number alone is seconds.
_UNIT = r"(?:hours?|h|minutes?|min|ms|m|seconds?|sec|s)"
_PART = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,9}})?) ?({_UNIT}?) ?")
_DURATION = re.compile(rf"(?:\d{{1,9}}(?:\.\d{{1,9}})? ?{_UNIT} ?){{1,4}}|\d{{1,9}}(?:\.\d{{1,9}})?")
_SECONDS_OF = {"h": 3600.0, "ms": 0.001, "m": 60.0, "s": 1.0, "": 1.0}
_SAID = re.compile(
    r"(?:retry(?:delay)?(?: again)?(?: in| after)?|try again (?:in|after)|wait|estimated_time)[\"': ]{1,4}"
    rf"(?P<wait>(?:\d{{1,9}}(?:\.\d{{1,9}})? ?{_UNIT} ?){{1,4}})(?![a-z])"
)
# OpenAI and its followers: when the limit of requests and that of tokens is reset, and what is left of each.
_REMAINING = {
    "x-ratelimit-reset-requests": "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-tokens": "x-ratelimit-remaining-tokens",
    "ratelimit-reset": "ratelimit-remaining",
}
_RESETS = tuple(_REMAINING)
_LONGEST_RESET = 86_400.0  # seconds; a larger number is a time of day, not a duration
_MAX_TEXT = 4_000


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


def retry_after_seconds(value: str | None) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait, at least 0, unbounded above.

    The value is a number of seconds, possibly with a fraction, or an HTTP date; of a list of these, the longest wait
    counts. A date in the past gives 0. A missing header, a negative number and anything else give None.
    """
    if value is None or not value.strip():
        return None
    waits = (_element_seconds(match[1].strip()) for match in _ELEMENT.finditer(value))
    return max((wait for wait in waits if wait is not None), default=None)


def _element_seconds(text: str) -> float | None:
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
        # HTTP dates are in GMT; the form of asctime does not say so.
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date
        return max(0.0, date.timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def wait_asked_for(headers: Mapping[str, str], text: str = "") -> float | None:
    """Seconds that a server asks to wait, in whichever way it does; None if it asks for none.

    ``Retry-After`` comes first, then ``retry-after-ms``, then what an error says (``retryDelay``, "try again in 20s"),
    then the headers that say when a limit is reset.

    :param headers: Response headers, looked up without regard to case.
    :param text: What the error says.
    """
    found = retry_after_seconds(headers.get("retry-after"))
    if found is not None:
        return found
    milliseconds = retry_after_seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    said = _SAID.search(text.lower()[:_MAX_TEXT])
    if said is not None:
        return duration_seconds(said["wait"])
    resets = [duration_seconds(headers.get(name)) for name in _RESETS if headers.get(_REMAINING[name], "0") == "0"]
    return max((reset for reset in resets if reset is not None and reset <= _LONGEST_RESET), default=None)


def duration_seconds(text: str | None) -> float | None:
    """Seconds of a duration such as ``1m30.5s``, ``350ms`` or ``20``; None if it is not a duration."""
    if text is None or _DURATION.fullmatch(text.strip().lower()) is None:
        return None
    parts = _PART.findall(text.strip().lower())
    return sum(float(number) * _SECONDS_OF[unit if unit in ("ms", "") else unit[0]] for number, unit in parts)

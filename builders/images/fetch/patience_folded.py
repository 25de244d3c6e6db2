"""When to ask again."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime

TRIES = 3  # of one URL, redirects not counted
FIRST_WAIT = 0.5  # seconds before the second try, doubled for the next
LONGEST_WAIT = 60.0  # seconds that a server may ask for; who asks for more gets no further try in this run


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

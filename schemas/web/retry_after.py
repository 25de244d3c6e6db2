"""The header ``Retry-After``: how long a server asks its clients to wait."""

from __future__ import annotations

import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
# A proxy that adds a header of its own leaves a list. A comma inside a date follows the name of a day.
_ELEMENT = re.compile(r"\s*((?:[A-Za-z]+,)?[^,]*)(?:,|\Z)")


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

"""Patience with the Hub where its clients have none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import stamina

from nyxqa.schemas.loading.hub import PASSING

logging.getLogger("stamina").addHandler(logging.NullHandler())

ATTEMPTS = 6
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
# A server that asks for more than this is waited for this long, then asked again.
LONGEST_RETRY_AFTER = 600.0

Result = TypeVar("Result")


def patiently(call: Callable[[], Result]) -> Result:
    """What ``call`` gives, tried again after a passing error; the last error is raised as it is."""
    tries = stamina.retry_context(
        on=wait_for, attempts=ATTEMPTS, timeout=None, wait_initial=FIRST_WAIT, wait_max=LONGEST_WAIT
    )
    for attempt in tries:
        with attempt:
            return call()
    raise AssertionError("a retry context gives a result or raises")


def wait_for(error: Exception) -> bool | float:
    """Whether ``error`` may pass, or how many seconds its answer asks to wait.

    Error 400 and its like stay: what is wrong now is wrong later.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        return wait_for(error.__cause__)
    if isinstance(error, HfHubHTTPError):
        if error.response.status_code not in PASSING:
            return False
        asked = error.response.headers.get("Retry-After", "")
        return min(float(asked), LONGEST_RETRY_AFTER) if asked.isdigit() else True
    return isinstance(error, httpx2.TransportError)

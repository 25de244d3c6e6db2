"""Patience with the Hub where its clients have none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from nyxqa.schemas.loading.hub import PASSING
from nyxqa.schemas.web.retry_after import retry_after_seconds
from nyxqa.schemas.web.retry_policy import RetryPolicy

POLICY = RetryPolicy(attempts=6, first_wait=1.0, longest_wait=60.0)

Result = TypeVar("Result")


def patiently(call: Callable[[], Result]) -> Result:
    """What ``call`` gives, tried again after a passing error; the last error is raised as it is."""
    for attempt in POLICY.tries(wait_for):
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
        wait = POLICY.bounded(retry_after_seconds(error.response.headers.get("Retry-After")))
        return True if wait is None else wait
    return isinstance(error, httpx2.TransportError)

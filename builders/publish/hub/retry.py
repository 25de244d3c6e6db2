"""Retries of Hub calls that the Hub's clients do not retry themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TypeVar

from nyxqa.schemas.loading.hub import PASSING
from nyxqa.schemas.web.retry_policy import RetryPolicy, retry_after_seconds

POLICY = RetryPolicy(attempts=6, first_wait=1.0, longest_wait=60.0)

_attempts: ContextVar[int] = ContextVar("attempts", default=POLICY.attempts)

Result = TypeVar("Result")


@contextmanager
def single_tries() -> Iterator[None]:
    """Within it nothing is repeated: who only asks what would be done waits for no server that is away."""
    before = _attempts.set(1)
    try:
        yield
    finally:
        _attempts.reset(before)


def with_retries(call: Callable[[], Result]) -> Result:
    """The result of ``call``, which is repeated after errors that may pass; the last error is raised unchanged."""
    for attempt in replace(POLICY, attempts=_attempts.get()).tries(is_transient):
        with attempt:
            return call()
    raise AssertionError("a retry context returns a result or raises")


def is_transient(error: Exception) -> bool | float:
    """Whether ``error`` may pass, or the seconds that its response asks to wait.

    Status 400 and similar ones are permanent: the same request would be refused again.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        return is_transient(error.__cause__)
    if isinstance(error, HfHubHTTPError):
        if error.response.status_code not in PASSING:
            return False
        wait = POLICY.bounded(retry_after_seconds(error.response.headers.get("Retry-After")))
        return True if wait is None else wait
    return isinstance(error, httpx2.TransportError)

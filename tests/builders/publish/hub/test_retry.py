"""What is tried again, and how long the server may make us wait."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from nyxqa.builders.publish.hub import retry
from nyxqa.builders.publish.hub.retry import is_transient, with_retries


def _answer(status: int, **headers: str) -> HfHubHTTPError:
    request = httpx2.Request("POST", "http://127.0.0.1/commit")
    return HfHubHTTPError("said no", response=httpx2.Response(status, headers=headers, request=request))


@pytest.mark.parametrize("status", [408, 409, 412, 429, 500, 502, 503, 504])
def test_passing_answers(status: int) -> None:
    assert is_transient(_answer(status)) is True


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_answers_that_stay(status: int) -> None:
    assert is_transient(_answer(status, **{"Retry-After": "1"})) is False


def test_retry_after_is_obeyed_within_reason() -> None:
    assert is_transient(_answer(429, **{"Retry-After": "17"})) == 17.0
    assert is_transient(_answer(503, **{"Retry-After": "90000"})) == 600.0
    assert is_transient(_answer(503, **{"Retry-After": "Fri, 31 Dec 2027 23:59:59 GMT"})) == 600.0
    assert is_transient(_answer(503, **{"Retry-After": "soon"})) is True


def test_dropped_connections_also_inside_an_upload() -> None:
    dropped = httpx2.RemoteProtocolError("closed")
    wrapped = RuntimeError("Error while uploading")
    wrapped.__cause__ = dropped
    assert is_transient(dropped) is True
    assert is_transient(wrapped) is True
    assert is_transient(RuntimeError("else")) is False
    assert is_transient(OSError(28, "No space left on device")) is False


def test_last_error_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "POLICY", replace(retry.POLICY, first_wait=0.001, longest_wait=0.002))
    calls = []

    def call() -> None:
        calls.append(1)
        raise _answer(503, **{"Retry-After": "0"})

    with pytest.raises(HfHubHTTPError, match="said no"):
        with_retries(call)
    assert len(calls) == retry.POLICY.attempts

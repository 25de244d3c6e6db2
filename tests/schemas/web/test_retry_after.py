"""Every form of ``Retry-After`` that servers and proxies send."""

from __future__ import annotations

import math
import time

import pytest

from nyxqa.schemas.web.retry_policy import duration_seconds, retry_after_seconds, wait_asked_for

NOW = 1_798_847_400.0  # Fri, 01 Jan 2027 23:50:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("3", 3.0),
        (" 7 ", 7.0),
        ("0.4", 0.4),
        ("1.", 1.0),
        (".5", 0.5),
        ("0120", 120.0),
        ("86400000", 86_400_000.0),
        ("9" * 400, math.inf),
        ("Sat, 02 Jan 2027 00:00:00 GMT", 600.0),
        ("Sat, 02 Jan 2027 01:00:00 +0100", 600.0),
        ("Saturday, 02-Jan-27 00:00:00 GMT", 600.0),
        ("Sat Jan  2 00:00:00 2027", 600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("5, 6", 6.0),
        ("5,", 5.0),
        ("5, Sat, 02 Jan 2027 00:00:00 GMT", 600.0),
        ("Sat, 02 Jan 2027 00:00:00 GMT, 5", 600.0),
        ("-1, 5", 5.0),
        ("-1", None),
        ("-0.5", None),
        ("+5", None),
        ("1e5", None),
        ("nan", None),
        ("inf", None),
        ("1 2", None),
        ("5s", None),
        ("\u0663", None),  # an Arabic-Indic digit
        ("soon", None),
        ("Fri", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Fri, 99 Dec 2027 23:59:59 GMT", None),
        (",", None),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert retry_after_seconds(header) == seconds


def test_a_long_header_is_read_in_linear_time() -> None:
    sizes = [20_000, 80_000]
    seconds = []
    for size in sizes:
        started = time.process_time()
        assert retry_after_seconds("x," * size) is None
        seconds.append(time.process_time() - started)
    assert seconds[1] < 16 * seconds[0] + 0.1


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({"retry-after": "3"}, "try again in 9s", 3.0),
        ({"retry-after-ms": "350"}, "", 0.35),
        ({}, "Rate limit reached. Please try again in 20s.", 20.0),
        ({}, "please try again in 1m2.5s", 62.5),
        ({}, "please try again in 350ms", 0.35),
        ({}, "please retry in 22.5 seconds", 22.5),
        ({}, "retrydelay: 22s", 22.0),
        ({}, "model is loading estimated_time: 20.0 s", 20.0),
        ({"x-ratelimit-reset-requests": "1m30s", "x-ratelimit-remaining-requests": "0"}, "", 90.0),
        ({"x-ratelimit-reset-requests": "1m30s", "x-ratelimit-remaining-requests": "7"}, "", None),
        ({"x-ratelimit-reset-tokens": "6m0s"}, "", 360.0),
        ({"ratelimit-reset": "1764277200"}, "", None),
        ({}, "you have 20s of audio", None),
        ({}, "", None),
    ],
)
def test_a_wait_is_read_in_whichever_way_it_is_asked_for(
    headers: dict[str, str], text: str, seconds: float | None
) -> None:
    assert wait_asked_for(headers, text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("text", ["", "x", "1x", "s", "1 2", "-1s", None])
def test_what_is_no_duration(text: str | None) -> None:
    assert duration_seconds(text) is None

"""How requests are spread over hosts and time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from nyxqa.builders.images.fetch import retry
from nyxqa.builders.images.fetch.retry import CircuitBreaker, FetchError
from nyxqa.builders.images.fetch.scheduler import Job, Requeue, Scheduler
from nyxqa.schemas.recipe import Images
from tests.support.fetching import LOOPBACK, fates
from tests.support.web_server import WebServer


def job(host: str, number: int) -> Job:
    url = f"http://{host}/{number}"
    return Job(url, httpx2.URL(url))


class Watch:
    """Work that takes a moment and counts what is in flight."""

    def __init__(self, seconds: float = 0.002) -> None:
        self.seconds = seconds
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.most_in_all = 0
        self.done: list[str] = []

    async def __call__(self, one: Job) -> Requeue | None:
        self.now[one.host] += 1
        self.most[one.host] = max(self.most[one.host], self.now[one.host])
        self.most_in_all = max(self.most_in_all, self.now.total())
        await asyncio.sleep(self.seconds)
        self.now[one.host] -= 1
        self.done.append(one.url)
        return None


def test_limits_hold_and_a_crowded_host_leaves_the_others_busy() -> None:
    jobs = [job("crowd", n) for n in range(300)] + [job(f"h{n % 10}", n) for n in range(200)]
    watch = Watch()
    asyncio.run(Scheduler(watch, 20, 3).run(jobs))
    assert sorted(watch.done) == sorted(one.url for one in jobs)
    assert max(watch.most.values()) == watch.most["crowd"] == 3
    assert watch.most_in_all == 20
    assert max(watch.done.index(one.url) for one in jobs if one.host != "crowd") < 400


def test_jobs_are_read_as_there_is_room() -> None:
    ahead: list[int] = []
    watch = Watch()

    def jobs() -> object:
        for n in range(3000):
            ahead.append(n - len(watch.done))
            yield job(f"h{n}", n) if n % 3 else None

    asyncio.run(Scheduler(watch, 4, 4).run(jobs()))  # type: ignore[arg-type]
    assert len(watch.done) == 2000
    assert max(ahead) < 3000 - 2000 + 64 * 4 + 8


def test_a_job_may_come_back_elsewhere_and_later() -> None:
    seen: list[tuple[str, float]] = []

    async def work(one: Job) -> Requeue | None:
        seen.append((one.host, time.monotonic()))
        if one.host != "b":
            one.target = httpx2.URL(f"http://b/{one.host}")
            return Requeue(one)
        one.tries += 1
        return Requeue(one, 0.2, whole_host=True) if one.tries == 1 else None

    async def run() -> None:
        await Scheduler(work, 2, 1).run([job("a", 1), job("c", 2)])

    asyncio.run(run())
    assert [host for host, _ in seen][:2] == ["a", "c"]
    times = [at for host, at in seen if host == "b"]
    assert len(times) == 4
    assert times[1] - times[0] > 0.17
    assert times[-1] - times[0] < 2


def test_an_error_that_is_no_fate_ends_it() -> None:
    async def work(one: Job) -> Requeue | None:
        if one.url.endswith("7"):
            raise OSError(28, "No space left on device")
        await asyncio.sleep(60)
        return None

    with pytest.raises(OSError, match="No space"):
        asyncio.run(Scheduler(work, 10, 10).run([job(f"h{n}", n) for n in range(10)]))


def test_retry_after_gives_the_whole_host_a_rest(tmp_path: Path) -> None:
    with WebServer() as server:
        urls = [server.url("limited", 1, "a.test"), *[server.url("ok", n, "b.test") for n in range(5)]]
        started = time.monotonic()
        found = fates(tmp_path, urls, Images(allow_private=LOOPBACK))
        assert all(isinstance(fate, bytes) for fate in found.values())
        assert time.monotonic() - started >= 1
        assert server.requests["/limited/1.png"] == 2
        later = server.url("later", 2)
        assert fates(tmp_path, [later], Images(allow_private=LOOPBACK)) == {later: "http_429"}
        assert server.requests["/later/2.png"] == 1  # an hour is too long to wait


def test_only_failures_that_may_pass_are_tried_again() -> None:
    assert retry.wait_before_retry(1, FetchError("http_404", "status 404")) is None
    assert retry.wait_before_retry(1, FetchError("timeout", "", transient=True)) is not None
    assert retry.wait_before_retry(3, FetchError("timeout", "", transient=True)) is None
    assert retry.wait_before_retry(1, FetchError("http_429", "", transient=True, retry_after=61.0)) is None


def test_a_host_that_never_answers_counts_as_down(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    breaker = CircuitBreaker(streak=3)
    for _ in range(2):
        breaker.record_failure("a", "timeout")
    breaker.record_failure("a", "http_404")
    breaker.check("a")
    breaker.record_answer("a")
    for _ in range(3):
        breaker.check("a")
        breaker.record_failure("a", "connect")
    with pytest.raises(FetchError, match="host_down: a: 3 URLs"):
        breaker.check("a")
    breaker.check("b")
    now[0] += 61
    breaker.check("a")
    breaker.record_failure("a", "dns")
    with pytest.raises(FetchError, match="host_down"):
        breaker.check("a")


def test_a_dead_host_does_not_hold_up_its_thousand_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "POLICY", replace(retry.POLICY, first_wait=0.001, jitter=0.001))
    urls = [f"http://127.0.0.1:1/{n}.png" for n in range(1000)]
    found = Counter(fates(tmp_path, urls, Images(allow_private=LOOPBACK)).values())
    assert set(found) == {"connect", "host_down"}
    assert 64 <= found["connect"] <= 64 + 4

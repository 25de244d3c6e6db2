"""Fetching many URLs: each ends with its bytes or a reason.

One event loop in the driver fetches for all shards, as a step of its own before ``images/store``, so that the limits in
flight and per host hold exactly and a URL is fetched once a run. Results go to a store of the run, URL by URL, so that
neither a kill nor a changed recipe causes a second request. Decoding and hashing stay in the worker processes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import IO, Protocol

import httpx2

from nyxqa.builders.images.fetch.connections import Lookup, Resolver, system_lookup
from nyxqa.builders.images.fetch.request import HttpClient, Redirect
from nyxqa.builders.images.fetch.retry import CircuitBreaker, FetchError, wait_before_retry
from nyxqa.builders.images.fetch.scheduler import Job, Requeue, Scheduler
from nyxqa.builders.images.references import MAX_URL
from nyxqa.schemas.credentials import without_credentials
from nyxqa.schemas.recipe import Images
from nyxqa.schemas.web.address_guard import AddressGuard

MAX_REDIRECTS = 8
_SHOWN = 120  # characters of a URL in a detail
_PORTS = range(1, 65536)


class Sink(Protocol):
    """Receives the result of each URL."""

    def keep(self, url: str, body: IO[bytes]) -> None:
        """Receive its bytes."""
        ...

    def fail(self, url: str, error: FetchError) -> None:
        """Receive the reason why it has none."""
        ...


@dataclass(frozen=True)
class FetchContext:
    """What all requests share.

    :param settings: Limits, and which private addresses are allowed.
    :param sink: Receives the results.
    :param advance: Called once for each URL that is done, with whether it failed.
    :param lookup: How names are resolved.
    """

    settings: Images
    sink: Sink
    advance: Callable[[bool], object]
    lookup: Lookup = system_lookup


def fetch_all(urls: Iterable[str | None], context: FetchContext) -> None:
    """Fetch every URL and pass its result to the sink.

    :param urls: Read as there is room; may yield None to let requests in flight proceed.
    :raises WorldError: If a result cannot be stored.
    """
    with asyncio.Runner() as runner:
        runner.run(terminable(_Fetcher(context).run(urls)))


class _Fetcher:
    def __init__(self, context: FetchContext) -> None:
        self._settings, self._sink, self._advance = context.settings, context.sink, context.advance
        guard = AddressGuard.from_recipe(self._settings.allow_private)
        self._resolver = Resolver(guard, context.lookup, self._settings.concurrency)
        self._client = HttpClient(
            self._resolver,
            self._settings.timeout,
            self._settings.max_bytes,
            self._settings.concurrency,
            self._settings.noai == "honour",
        )
        self._breaker = CircuitBreaker()
        self._pending: set[str] = set()

    async def run(self, urls: Iterable[str | None]) -> None:
        """Fetch them all."""
        scheduler = Scheduler(self._request, self._settings.concurrency, self._settings.per_host)
        try:
            await scheduler.run(self._jobs(urls))
        finally:
            await self._client.close()
            self._resolver.close()

    def _jobs(self, urls: Iterable[str | None]) -> Iterator[Job | None]:
        for url in urls:
            yield None if url is None or url in self._pending else self._job(url)

    def _job(self, url: str) -> Job | None:
        try:
            job = Job(url, _parsed(url))
        except FetchError as error:
            self._failed(url, error)
            return None
        self._pending.add(url)
        return job

    async def _request(self, job: Job) -> Requeue | None:
        """Send one request of a job; returns the job if it needs another."""
        host = job.host
        try:
            self._breaker.check(host)
            response = await self._client.get(job.target)
            self._breaker.record_answer(host)
            if isinstance(response, Redirect):
                return Requeue(_follow(job, response.url))
        except FetchError as error:
            job.tries += 1
            wait = wait_before_retry(job.tries, error)
            if wait is not None:
                return Requeue(job, wait, whole_host=error.retry_after is not None)
            self._breaker.record_failure(host, error.reason)
            self._failed(job.url, error)
            return None
        with response:
            self._sink.keep(job.url, response)
        self._pending.discard(job.url)
        self._advance(False)
        return None

    def _failed(self, url: str, error: FetchError) -> None:
        self._sink.fail(url, error)
        self._pending.discard(url)
        self._advance(True)


def _follow(job: Job, location: str) -> Job:
    """The job with its redirect followed.

    :raises FetchError: If the redirects form a circle, are too many, or lead to something else than an http URL.
    """
    job.seen.append(job.target)
    if len(job.seen) > MAX_REDIRECTS:
        raise FetchError("too_many_redirects", f"more than {MAX_REDIRECTS}")
    target = _parsed(location, job.target)
    if target in job.seen:
        raise FetchError("too_many_redirects", f"in a circle over {str(target)[:_SHOWN]}")
    job.target = target
    return job


def _parsed(url: str, base: httpx2.URL | None = None) -> httpx2.URL:
    """``url`` relative to ``base``, without its fragment.

    :raises FetchError: If it is not an http or https URL.
    """
    try:
        parsed = (httpx2.URL(url) if base is None else base.join(url)).copy_with(fragment=None)
        text, port = str(parsed), parsed.port
    except (httpx2.InvalidURL, ValueError) as error:
        raise FetchError("bad_reference", f"{without_credentials(url)[:_SHOWN]!r} is no URL") from error
    if parsed.scheme not in ("http", "https") or not parsed.raw_host or not (port is None or port in _PORTS):
        raise FetchError("bad_reference", f"{text[:_SHOWN]!r} is no http or https URL")
    if len(text) > 3 * MAX_URL:
        raise FetchError("bad_reference", f"{len(text)} characters, encoded, at most {3 * MAX_URL}")
    return parsed


async def terminable(work: Awaitable[None]) -> None:
    """Await ``work``, and cancel it on SIGTERM.

    An exception that a signal handler raises inside a callback of the loop would be logged there and lost.
    """
    earlier = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or earlier is None:
        await work
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    signal.signal(signal.SIGTERM, stop)
    try:
        await work
    finally:
        signal.signal(signal.SIGTERM, earlier)
        if received:
            os.kill(os.getpid(), signal.SIGTERM)

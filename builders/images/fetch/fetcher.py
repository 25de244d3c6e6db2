"""Fetching many URLs: each gets its bytes or a reason."""

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

from nyxqa.builders.images.fetch.dns import Lookup, Names, system_lookup
from nyxqa.builders.images.fetch.errors import FetchError
from nyxqa.builders.images.fetch.request import Exchange, Moved
from nyxqa.builders.images.fetch.retry import Breaker, wait_before_retry
from nyxqa.builders.images.fetch.scheduler import Again, Dispatcher, Job
from nyxqa.builders.images.references import MAX_URL
from nyxqa.schemas.recipe import Images
from nyxqa.schemas.web.address_guard import AddressGuard

MAX_REDIRECTS = 8
_SHOWN = 120  # characters of a URL in a detail
_PORTS = range(1, 65536)


class Sink(Protocol):
    """Takes the fates of URLs."""

    def keep(self, url: str, body: IO[bytes]) -> None:
        """Take its bytes."""
        ...

    def fail(self, url: str, error: FetchError) -> None:
        """Take the reason why it has none."""
        ...


@dataclass(frozen=True)
class Fetching:
    """What is the same for all URLs.

    :param settings: Limits, and the addresses that are allowed.
    :param sink: Where fates go.
    :param advance: Called for each URL that got its fate, with whether it failed.
    :param lookup: How names are looked up.
    """

    settings: Images
    sink: Sink
    advance: Callable[[bool], object]
    lookup: Lookup = system_lookup


def fetch_all(urls: Iterable[str | None], fetching: Fetching) -> None:
    """Give every URL a fate; ``urls`` is read as there is room, and may yield nothing to let others work.

    :raises WorldError: If a fate cannot be stored.
    """
    with asyncio.Runner() as runner:
        runner.run(terminable(_Fetcher(fetching).run(urls)))


class _Fetcher:
    def __init__(self, fetching: Fetching) -> None:
        self._settings, self._sink, self._advance = fetching.settings, fetching.sink, fetching.advance
        guard = AddressGuard.from_recipe(self._settings.allow_private)
        self._names = Names(guard, fetching.lookup, self._settings.concurrency)
        self._exchange = Exchange(
            self._names, self._settings.timeout, self._settings.max_bytes, self._settings.concurrency
        )
        self._breaker = Breaker()
        self._pending: set[str] = set()

    async def run(self, urls: Iterable[str | None]) -> None:
        """Fetch them all."""
        dispatcher = Dispatcher(self._request, self._settings.concurrency, self._settings.per_host)
        try:
            await dispatcher.run(self._jobs(urls))
        finally:
            await self._exchange.close()
            self._names.close()

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

    async def _request(self, job: Job) -> Again | None:
        """One request of a job; whether there is another."""
        host = job.host
        try:
            self._breaker.check(host)
            found = await self._exchange.get(job.target)
            self._breaker.answered(host)
            if isinstance(found, Moved):
                return Again(_followed(job, found.url))
        except FetchError as error:
            job.tries += 1
            wait = wait_before_retry(job.tries, error)
            if wait is not None:
                return Again(job, wait, whole_host=error.wait is not None)
            self._breaker.failed(host, error.reason)
            self._failed(job.url, error)
            return None
        with found:
            self._sink.keep(job.url, found)
        self._pending.discard(job.url)
        self._advance(False)
        return None

    def _failed(self, url: str, error: FetchError) -> None:
        self._sink.fail(url, error)
        self._pending.discard(url)
        self._advance(True)


def _followed(job: Job, location: str) -> Job:
    """The job with its redirect followed.

    :raises FetchError: If it leads back, too far, or to no http URL.
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
    """``url``, as seen from ``base``, less its fragment.

    :raises FetchError: If it is no http or https URL.
    """
    try:
        parsed = (httpx2.URL(url) if base is None else base.join(url)).copy_with(fragment=None)
        text, port = str(parsed), parsed.port
    except (httpx2.InvalidURL, ValueError) as error:
        raise FetchError("bad_reference", f"{url[:_SHOWN]!r} is no URL") from error
    if parsed.scheme not in ("http", "https") or not parsed.raw_host or not (port is None or port in _PORTS):
        raise FetchError("bad_reference", f"{text[:_SHOWN]!r} is no http or https URL")
    if len(text) > 3 * MAX_URL:
        raise FetchError("bad_reference", f"{len(text)} characters, encoded, at most {3 * MAX_URL}")
    return parsed


async def terminable(work: Awaitable[None]) -> None:
    """Do ``work``, cancelled by SIGTERM.

    What a signal handler raises inside a callback of the loop would be logged there and lost.
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

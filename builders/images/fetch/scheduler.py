"""Keeping many requests in flight, few of them at one host, however the URLs are ordered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field

import httpx2

_AHEAD = 64  # URLs known for each one in flight, so that a crowded host does not leave the others idle
_AT_ONCE = 256  # URLs taken in before the loop looks at its sockets again
_TICK = 0.02  # seconds that a timer may fire early


@dataclass(slots=True)
class Job:
    """A URL to be fetched, and where it stands.

    :param url: As it was asked for.
    :param target: Where it is by now.
    :param seen: Where it was before, by redirects.
    :param tries: Requests that failed.
    """

    url: str
    target: httpx2.URL
    seen: list[httpx2.URL] = field(default_factory=list)
    tries: int = 0

    @property
    def host(self) -> str:
        """Host that the next request goes to."""
        return self.target.raw_host.decode("ascii").rstrip(".")


@dataclass(frozen=True, slots=True)
class Again:
    """A job that needs another request.

    :param wait: Seconds until then.
    :param whole_host: Whether other jobs of the host, the one just asked, wait as long.
    """

    job: Job
    wait: float = 0.0
    whole_host: bool = False


@dataclass(slots=True)
class _Host:
    queue: deque[Job] = field(default_factory=deque)
    active: int = 0
    waiting: int = 0  # jobs that come back
    listed: bool = False
    not_before: float = 0.0

    def rests(self) -> bool:
        """Whether the host asked to be left alone for now."""
        return self.not_before > asyncio.get_running_loop().time() + _TICK


class Dispatcher:
    """Runs ``work`` over jobs.

    :param work: One request of a job; tells whether there is another.
    :param concurrency: Requests in flight.
    :param per_host: Requests in flight at one host.
    """

    def __init__(self, work: Callable[[Job], Awaitable[Again | None]], concurrency: int, per_host: int) -> None:
        self._work, self._concurrency, self._per_host = work, concurrency, per_host
        self._hosts: dict[str, _Host] = {}
        self._ready: deque[str] = deque()  # hosts with a job and room for it
        self._in_flight = self._pending = 0
        self._wake = asyncio.Event()

    async def run(self, jobs: Iterable[Job | None]) -> None:
        """Work until all jobs are done; ``jobs`` is read as there is room, and may yield nothing to take a breath.

        :raises BaseException: The first error of ``work`` that is none of a URL; what is in flight is cancelled.
        """
        source, more = iter(jobs), True
        try:
            async with asyncio.TaskGroup() as group:
                while more or self._pending:
                    more = more and self._fill(source)
                    self._start(group)
                    if more and self._pending < _AHEAD * self._concurrency:
                        await asyncio.sleep(0)
                        continue
                    self._wake.clear()
                    if self._pending:
                        await self._wake.wait()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def _fill(self, source: Iterator[Job | None]) -> bool:
        """Take in more jobs; whether there may be still more."""
        for _ in range(_AT_ONCE):
            if self._pending >= _AHEAD * self._concurrency:
                return True
            try:
                job = next(source)
            except StopIteration:
                return False
            if job is not None:
                self._pending += 1
                self._put(job)
        return True

    def _put(self, job: Job) -> None:
        self._hosts.setdefault(job.host, _Host()).queue.append(job)
        self._list(job.host)

    def _list(self, name: str) -> None:
        """Put a host among the ready ones if it is one; forget it if nothing is left to do there."""
        host = self._hosts[name]
        if not host.queue:
            if not host.active and not host.waiting:
                del self._hosts[name]
        elif not host.listed and host.active < self._per_host and not host.rests():
            host.listed = True
            self._ready.append(name)

    def _start(self, group: asyncio.TaskGroup) -> None:
        while self._ready and self._in_flight < self._concurrency:
            name = self._ready.popleft()
            host = self._hosts[name]
            host.listed = False
            if host.rests():
                continue
            job = host.queue.popleft()
            host.active += 1
            self._in_flight += 1
            group.create_task(self._run(job, name))
            self._list(name)

    async def _run(self, job: Job, name: str) -> None:
        again = await self._work(job)
        host = self._hosts[name]
        host.active -= 1
        self._in_flight -= 1
        if again is None:
            self._pending -= 1
        elif again.wait:
            self._later(again, name)
        else:
            self._put(again.job)
        self._list(name)
        self._wake.set()

    def _later(self, again: Again, name: str) -> None:
        loop, host = asyncio.get_running_loop(), self._hosts[name]
        host.waiting += 1
        if again.whole_host:
            host.not_before = max(host.not_before, loop.time() + again.wait)

        def back() -> None:
            host.waiting -= 1
            self._put(again.job)
            self._wake.set()

        loop.call_later(again.wait, back)

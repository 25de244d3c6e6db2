"""Keeping many requests in flight, few of them to one host, whatever the order of the URLs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field

import httpx2

_AHEAD = 64  # URLs read ahead for each one in flight, so that a host with many URLs does not leave others idle
_AT_ONCE = 256  # URLs read before the loop handles its sockets again
_TICK = 0.02  # seconds that a timer may fire early


@dataclass(slots=True)
class Job:
    """A URL to be fetched, and its state.

    :param url: As the caller gave it.
    :param target: Where it is after the redirects so far.
    :param seen: Earlier targets of the redirects.
    :param tries: Failed requests.
    """

    url: str
    target: httpx2.URL
    seen: list[httpx2.URL] = field(default_factory=list)
    tries: int = 0

    @property
    def host(self) -> str:
        """Host of the next request."""
        return self.target.raw_host.decode("ascii").rstrip(".")


@dataclass(frozen=True, slots=True)
class Requeue:
    """A job that needs another request.

    :param wait: Seconds until then.
    :param whole_host: Whether other jobs of the same host wait as long.
    """

    job: Job
    wait: float = 0.0
    whole_host: bool = False


@dataclass(slots=True)
class _Host:
    queue: deque[Job] = field(default_factory=deque)
    active: int = 0
    waiting: int = 0  # jobs that return after a wait
    queued: bool = False
    not_before: float = 0.0

    def is_paused(self) -> bool:
        """Whether the host asked for a wait that has not passed."""
        return self.not_before > asyncio.get_running_loop().time() + _TICK


class Scheduler:
    """Runs ``work`` over jobs.

    :param work: Sends one request of a job; returns the job if it needs another.
    :param concurrency: Most requests in flight.
    :param per_host: Most requests in flight to one host.
    """

    def __init__(self, work: Callable[[Job], Awaitable[Requeue | None]], concurrency: int, per_host: int) -> None:
        self._work, self._concurrency, self._per_host = work, concurrency, per_host
        self._hosts: dict[str, _Host] = {}
        self._ready: deque[str] = deque()  # hosts with a job and room for a request
        self._in_flight = self._pending = 0
        self._wake = asyncio.Event()

    async def run(self, jobs: Iterable[Job | None]) -> None:
        """Work until all jobs are done.

        :param jobs: Read as there is room; may yield None to let requests in flight proceed.
        :raises BaseException: The first error that ``work`` raises; requests in flight are cancelled.
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
        """Read more jobs; returns whether there may be more."""
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
        self._mark_ready(job.host)

    def _mark_ready(self, name: str) -> None:
        """Queue a host that has a job and room for it; forget a host with nothing left to do."""
        host = self._hosts[name]
        if not host.queue:
            if not host.active and not host.waiting:
                del self._hosts[name]
        elif not host.queued and host.active < self._per_host and not host.is_paused():
            host.queued = True
            self._ready.append(name)

    def _start(self, group: asyncio.TaskGroup) -> None:
        while self._ready and self._in_flight < self._concurrency:
            name = self._ready.popleft()
            host = self._hosts[name]
            host.queued = False
            if host.is_paused():
                continue
            job = host.queue.popleft()
            host.active += 1
            self._in_flight += 1
            group.create_task(self._run(job, name))
            self._mark_ready(name)

    async def _run(self, job: Job, name: str) -> None:
        requeue = await self._work(job)
        host = self._hosts[name]
        host.active -= 1
        self._in_flight -= 1
        if requeue is None:
            self._pending -= 1
        elif requeue.wait:
            self._schedule(requeue, name)
        else:
            self._put(requeue.job)
        self._mark_ready(name)
        self._wake.set()

    def _schedule(self, requeue: Requeue, name: str) -> None:
        loop, host = asyncio.get_running_loop(), self._hosts[name]
        host.waiting += 1
        if requeue.whole_host:
            host.not_before = max(host.not_before, loop.time() + requeue.wait)

        def resume() -> None:
            host.waiting -= 1
            self._put(requeue.job)
            self._wake.set()

        loop.call_later(requeue.wait, resume)

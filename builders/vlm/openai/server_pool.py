"""The servers of one model: each request goes to the least busy one, and one that falls away is left out."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections import deque
from collections.abc import Callable, Sequence

from nyxqa.builders.vlm.openai.limits import ConcurrencyLimit, EndpointPolicy
from nyxqa.builders.vlm.openai.names import split_urls
from nyxqa.builders.vlm.openai.transport import Response, TransientError, Transport, UnreachableError

# What follows the documents in the prompts that have both; what comes before it is the same for all questions about
# a document, so a server that answered one of them holds that prefix in its cache.
_AFTER_DOCUMENTS = json.dumps("\n\nQuestion: ")[1:-1].encode("ascii")
_CONGESTED = frozenset({429, 503, 529})
_FAILURES = 3  # in a row, after which a server is left out for a while
_REST = 5.0  # seconds for which it is left out, doubled each time it fails again
_LONGEST_REST = 60.0


class Server:
    """One server and what is known of its state.

    :param most: Maximum number of requests at a time.
    """

    def __init__(self, transport: Transport, most: int) -> None:
        self.transport = transport
        self.concurrency = ConcurrencyLimit(most)
        self.in_flight = 0
        self._failures = self._rests = 0
        self._rests_until = 0.0

    @property
    def has_room(self) -> bool:
        """Whether it may get another request."""
        return self.in_flight < self.concurrency.limit

    def is_resting(self) -> bool:
        """Whether it failed lately."""
        return time.monotonic() < self._rests_until

    def rest(self) -> None:
        """Leave it out for a while."""
        self._rests_until = time.monotonic() + min(_REST * 2**self._rests, _LONGEST_REST)
        self._rests += 1

    async def post(self, content: bytes) -> Response:
        """The response to a body; raises as ``Transport.post`` does."""
        try:
            response = await self.transport.post(content)
        except UnreachableError:
            self.rest()
            raise
        except TransientError:
            self._note_failure()
            raise
        else:
            self._note(response.status)
            return response

    def _note(self, status: int) -> None:
        if status in _CONGESTED:
            self.concurrency.congested()
        elif status < 500:
            self.concurrency.answered(self.in_flight)
        if status >= 500:
            self._note_failure()
        else:
            self._failures = self._rests = 0

    def _note_failure(self) -> None:
        self._failures += 1
        if self._failures >= _FAILURES:
            self._failures = 0
            self.rest()


class ServerPool:
    """The servers of one model, used as if they were one.

    :param urls: Base URLs with ``/v1``, separated by commas; logins in them are used and never shown.
    :param key: Bearer token for all of them; empty for none.
    :param most: Maximum number of requests at a time at each server.
    :param before_sending: Called before each request is sent; may raise a ``NyxqaError`` to prevent it.
    """

    def __init__(
        self, urls: str, key: str, most: int, policy: EndpointPolicy, before_sending: Callable[[], None]
    ) -> None:
        self.servers = [Server(Transport(url, key, policy), most) for url in split_urls(urls)]
        transports = [server.transport for server in self.servers]
        self.url = transports[0].url
        self.shown_url = ", ".join(transport.shown_url for transport in transports)
        self.secrets = tuple(dict.fromkeys(secret for transport in transports for secret in transport.secrets))
        self._before_sending = before_sending
        self._waiting: deque[tuple[asyncio.Future[Server], int]] = deque()

    @property
    def concurrency(self) -> int:
        """Number of requests that all servers together are sent at a time now."""
        return sum(server.concurrency.limit for server in self.servers)

    async def post(self, content: bytes) -> Response:
        """The response to a body of JSON, from whichever server.

        :raises TransientError: If the connection breaks or the answer cannot be decoded.
        :raises UnboundedAnswerError: If the answer exceeds its bytes or seconds.
        :raises UnreachableError: If no server can be reached.
        :raises NyxqaError: As ``before_sending`` does.
        """
        prefix = self._prefix(content)
        while True:
            server = await self._reserved(prefix)
            try:
                self._before_sending()
                return await server.post(content)
            except UnreachableError:
                if all(other.is_resting() for other in self.servers):
                    raise
            finally:
                self._release(server)

    async def get(self, path: str) -> Response:
        """The response of the first server to a request for ``path`` below its base URL."""
        return await self.servers[0].transport.get(path)

    async def close(self) -> None:
        """Close all connections."""
        for server in self.servers:
            await server.transport.close()

    def _prefix(self, content: bytes) -> int:
        """A number that equal prefixes of prompts share; 0 where there is one server and no choice."""
        if len(self.servers) == 1:
            return 0
        return zlib.crc32(content.rpartition(_AFTER_DOCUMENTS)[0] or content)

    async def _reserved(self, prefix: int) -> Server:
        """A server with room for this request; requests that have to wait for one are served in their order."""
        if not self._waiting:
            server = choose(self.servers, prefix)
            if server is not None:
                server.in_flight += 1
                return server
        turn: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, prefix))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(turn.result())
            raise

    def _release(self, server: Server) -> None:
        """Give up a place at a server, and hand out those that are free."""
        server.in_flight -= 1
        while self._waiting:
            turn, prefix = self._waiting[0]
            free = None if turn.done() else choose(self.servers, prefix)
            if free is None and not turn.done():
                return
            self._waiting.popleft()
            if free is not None:
                free.in_flight += 1
                turn.set_result(free)


def choose(servers: Sequence[Server], prefix: int) -> Server | None:
    """The server for the next request; None if all that may be asked are busy.

    Of servers that are about equally busy, requests with equal prefixes get the same one. Servers that failed lately
    are asked only if all did.
    """
    awake = [server for server in servers if not server.is_resting()] or list(servers)
    free = [server for server in awake if server.has_room]
    if len(free) < 2:
        return free[0] if free else None
    least = min(server.in_flight for server in free)
    least_busy = [server for server in free if server.in_flight <= least + max(2, server.concurrency.limit // 4)]
    return max(least_busy, key=lambda server: zlib.crc32(f"{servers.index(server)} {prefix}".encode()))

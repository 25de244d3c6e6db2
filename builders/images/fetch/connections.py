"""Connections that are reused by the next request to the same origin.

The pool of ``httpcore2`` scans all open connections for each request, which took most of the time at 64 requests in
flight over 200 hosts. Here a request considers only the connections to its own origin.
"""

from __future__ import annotations

import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpcore2

from nyxqa.builders.images.fetch.dns import Resolver

_ADDRESSES_TRIED = 3  # of a host
_Option = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

_KEEP_ALIVE = 5.0  # seconds without a request

Origin = tuple[bytes, bytes, int | None]  # scheme, host, port


class Connections:
    """Opens connections and holds those that can take another request.

    :param backend: Opens them.
    :param tls: Decides which certificates are accepted.
    :param max_idle: Most connections held between requests.
    """

    def __init__(self, backend: httpcore2.AsyncNetworkBackend, tls: ssl.SSLContext, max_idle: int) -> None:
        self._backend, self._tls, self._max_idle = backend, tls, max_idle
        self._idle: OrderedDict[Origin, list[httpcore2.AsyncHTTPConnection]] = OrderedDict()
        self._count = 0

    @asynccontextmanager
    async def lease(self, url: httpcore2.URL) -> AsyncIterator[httpcore2.AsyncHTTPConnection]:
        """A connection for one request; held afterwards if its response was read to the end."""
        origin = url.scheme, url.host, url.port
        connection = await self._reused(origin)
        if connection is None:
            connection = httpcore2.AsyncHTTPConnection(
                url.origin, self._tls, keepalive_expiry=_KEEP_ALIVE, network_backend=self._backend
            )
        try:
            yield connection
        finally:
            if connection.is_available():
                await self._hold(origin, connection)
            else:
                await connection.aclose()

    async def close(self) -> None:
        """Close all held connections."""
        while self._count:
            await self._close_oldest()

    async def _reused(self, origin: Origin) -> httpcore2.AsyncHTTPConnection | None:
        while idle := self._idle.get(origin):
            connection = idle.pop()
            self._count -= 1
            if not idle:
                del self._idle[origin]
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _hold(self, origin: Origin, connection: httpcore2.AsyncHTTPConnection) -> None:
        self._idle.setdefault(origin, []).append(connection)
        self._idle.move_to_end(origin)
        self._count += 1
        if self._count > self._max_idle:
            await self._close_oldest()

    async def _close_oldest(self) -> None:
        origin, idle = next(iter(self._idle.items()))
        connection = idle.pop(0)
        self._count -= 1
        if not idle:
            del self._idle[origin]
        await connection.aclose()


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Opens TCP connections to checked addresses; TLS and the header ``Host`` get the host name unchanged.

    :param timeout: Seconds for all addresses of a host.
    """

    def __init__(self, resolver: Resolver, timeout: float) -> None:
        self._resolver, self._timeout = resolver, timeout
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[_Option] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """The first connection that succeeds.

        :raises FetchError: If the host has no allowed address.
        """
        addresses = (await self._resolver.addresses(host, port))[:_ADDRESSES_TRIED]
        share = self._timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(addresses[-1], port, share, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)

"""Connections that stay open for the next request to the same place.

The pool of ``httpcore2`` looks at every open connection for every request, which took most of the time at 64 in
flight over 200 hosts; here only those to the same place are looked at.
"""

from __future__ import annotations

import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpcore2

from nyxqa.builders.images.fetch.dns import Names

_MOST = 3  # addresses of a host that are tried
_Option = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


_KEEP_ALIVE = 5.0  # seconds without a request

Place = tuple[bytes, bytes, int | None]  # scheme, host, port


class Connections:
    """Opens connections and keeps those that can take another request.

    :param backend: What opens them.
    :param tls: How servers prove who they are.
    :param most: Connections that are kept.
    """

    def __init__(self, backend: httpcore2.AsyncNetworkBackend, tls: ssl.SSLContext, most: int) -> None:
        self._backend, self._tls, self._most = backend, tls, most
        self._kept: OrderedDict[Place, list[httpcore2.AsyncHTTPConnection]] = OrderedDict()
        self._count = 0

    @asynccontextmanager
    async def lease(self, url: httpcore2.URL) -> AsyncIterator[httpcore2.AsyncHTTPConnection]:
        """A connection for one request; kept afterwards if its response was read to the end."""
        place = url.scheme, url.host, url.port
        connection = await self._taken(place)
        if connection is None:
            connection = httpcore2.AsyncHTTPConnection(
                url.origin, self._tls, keepalive_expiry=_KEEP_ALIVE, network_backend=self._backend
            )
        try:
            yield connection
        finally:
            if connection.is_available():
                await self._keep(place, connection)
            else:
                await connection.aclose()

    async def close(self) -> None:
        """Close all that are kept."""
        while self._count:
            await self._close_oldest()

    async def _taken(self, place: Place) -> httpcore2.AsyncHTTPConnection | None:
        while kept := self._kept.get(place):
            connection = kept.pop()
            self._count -= 1
            if not kept:
                del self._kept[place]
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _keep(self, place: Place, connection: httpcore2.AsyncHTTPConnection) -> None:
        self._kept.setdefault(place, []).append(connection)
        self._kept.move_to_end(place)
        self._count += 1
        if self._count > self._most:
            await self._close_oldest()

    async def _close_oldest(self) -> None:
        place, kept = next(iter(self._kept.items()))
        connection = kept.pop(0)
        self._count -= 1
        if not kept:
            del self._kept[place]
        await connection.aclose()


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Opens TCP connections to checked addresses; host names reach TLS and the header ``Host`` unchanged.

    :param timeout: Seconds for all addresses of a host.
    """

    def __init__(self, names: Names, timeout: float) -> None:
        self._names, self._timeout = names, timeout
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
        addresses = (await self._names.addresses(host, port))[:_MOST]
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

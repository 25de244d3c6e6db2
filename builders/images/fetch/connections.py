"""Connections to addresses that may be connected to, reused by the next request to the same origin."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import httpcore2

from nyxqa.builders.images.fetch.retry import FetchError
from nyxqa.schemas.web.address_guard import AddressGuard, PrivateAddressError

# Host and port to addresses, as strings; blocks, raises ``OSError`` or ``UnicodeError`` if there are none.
Lookup = Callable[[str, int], list[str]]
_CACHED_NAMES = 4096
_CACHE_SECONDS = 60.0  # short, since addresses change
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


def system_lookup(host: str, port: int) -> list[str]:
    """The answer of the system's resolver, which also reads IPv4 addresses in decimal, octal and hexadecimal form."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


class Resolver:
    """Resolves host names, remembers the answers for a while, and checks every address.

    :param guard: Decides which addresses are allowed.
    :param lookup: How names are resolved.
    :param requests: Most requests in flight.
    """

    def __init__(self, guard: AddressGuard, lookup: Lookup, requests: int) -> None:
        self._guard, self._lookup = guard, lookup
        # Twice as many: a lookup whose request has timed out holds its thread until the system ends it.
        self._threads = ThreadPoolExecutor(2 * requests, "dns")
        self._cache: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()

    async def addresses(self, host: str, port: int) -> list[str]:
        """Addresses of ``host``, each of which is allowed.

        :raises FetchError: If there are none, or if one is not allowed.
        """
        expires, addresses = self._cache.get(host, (0.0, []))
        if expires < time.monotonic():
            addresses = await self._resolve(host, port)
            self._cache[host] = time.monotonic() + _CACHE_SECONDS, addresses
            self._cache.move_to_end(host)
            if len(self._cache) > _CACHED_NAMES:
                self._cache.popitem(last=False)
        try:
            self._guard.check(host, addresses)
        except PrivateAddressError as error:
            detail = f"{error.host} is at {error.address}, which images.allow_private does not allow"
            raise FetchError("private_address", detail) from error
        return addresses

    def close(self) -> None:
        """Release the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _resolve(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        name = host.replace("%25", "%")  # how a URL writes the zone of an IPv6 address
        try:
            addresses = await loop.run_in_executor(self._threads, self._lookup, name, port)
        except socket.gaierror as error:
            transient = error.errno == socket.EAI_AGAIN
            raise FetchError("dns", f"{host}: {'no answer' if transient else 'no such name'}", transient) from error
        except (OSError, ValueError) as error:
            raise FetchError("dns", f"{host}: {type(error).__name__}") from error
        if not addresses:
            raise FetchError("dns", f"{host}: no address")
        return addresses

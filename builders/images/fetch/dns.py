"""Resolving host names to addresses that may be connected to."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from nyxqa.builders.images.fetch.errors import FetchError
from nyxqa.schemas.web.address_guard import AddressGuard, PrivateAddressError

# Host and port to addresses, as strings; blocks, raises ``OSError`` or ``UnicodeError`` if there are none.
Lookup = Callable[[str, int], list[str]]

_CACHED_NAMES = 4096
_CACHE_SECONDS = 60.0  # short, since addresses change


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

"""From host names to addresses that may be connected to."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from nyxqa.builders.images.fetch.errors import FetchError
from nyxqa.schemas.web.address_guard import AddressGuard, PrivateAddressError

# Addresses of a host, as strings; blocking, raises ``OSError`` or ``UnicodeError`` if there are none.
Lookup = Callable[[str, int], list[str]]

_KEPT = 4096  # names
_SECONDS = 60.0  # that an answer is kept; short, since addresses move


def system_lookup(host: str, port: int) -> list[str]:
    """Ask the system's resolver, which also takes IPv4 addresses in decimal, octal and hexadecimal forms."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Names:
    """Looks names up and checks what they stand for.

    :param guard: Says which addresses are allowed.
    :param lookup: How names are looked up.
    :param requests: Requests in flight.
    """

    def __init__(self, guard: AddressGuard, lookup: Lookup, requests: int) -> None:
        self._guard, self._lookup = guard, lookup
        # Twice as many, for a lookup that no request waits for any more keeps its thread until the system gives it up.
        self._threads = ThreadPoolExecutor(2 * requests, "names")
        self._known: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()

    async def addresses(self, host: str, port: int) -> list[str]:
        """Addresses of ``host``, every one of them allowed.

        :raises FetchError: If there are none, or one is not allowed.
        """
        until, found = self._known.get(host, (0.0, []))
        if until < time.monotonic():
            found = await self._asked(host, port)
            self._known[host] = time.monotonic() + _SECONDS, found
            self._known.move_to_end(host)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        try:
            self._guard.check(host, found)
        except PrivateAddressError as error:
            detail = f"{error.host} is at {error.address}, which images.allow_private does not allow"
            raise FetchError("private_address", detail) from error
        return found

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _asked(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        name = host.replace("%25", "%")  # how a URL writes the zone of an IPv6 address
        try:
            found = await loop.run_in_executor(self._threads, self._lookup, name, port)
        except socket.gaierror as error:
            passing = error.errno == socket.EAI_AGAIN
            raise FetchError("dns", f"{host}: {'no answer' if passing else 'no such name'}", passing) from error
        except (OSError, ValueError) as error:
            raise FetchError("dns", f"{host}: {type(error).__name__}") from error
        if not found:
            raise FetchError("dns", f"{host}: no address")
        return found

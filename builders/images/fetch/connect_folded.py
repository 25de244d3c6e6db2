"""Connections go to the very address that was checked, never to a name that could be looked up again."""

from __future__ import annotations

from collections.abc import Iterable

import httpcore2

from nyxqa.builders.images.fetch.dns import Names

_MOST = 3  # addresses of a host that are tried

_Option = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


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

"""Fetching an image whose address stands in place of its bytes."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from nyxqa.schemas.errors import WorldError, first_line

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 20.0  # seconds for each step of a request
MOST_BYTES = 50_000_000
_REDIRECTS = 5


def fetch_image(url: str) -> bytes:
    """Bytes behind ``url``.

    Only http and https, never a private, loopback or link-local address, neither at first nor after a redirect: the
    connection is made to the very address that was looked at.

    :raises WorldError: If it may not be fetched, is too large, or does not answer.
    """
    import httpx2

    # A proxy of the environment would look names up by itself, past the look at the address.
    with httpx2.Client(timeout=TIMEOUT, trust_env=False) as client:
        try:
            for _ in range(_REDIRECTS + 1):
                answer = _get(client, url)
                if isinstance(answer, bytes):
                    return answer
                url = urljoin(url, answer)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise WorldError(f"image {url} cannot be fetched: {first_line(error)}") from error
    raise WorldError(f"image {url} cannot be fetched: more than {_REDIRECTS} redirects")


def _get(client: httpx2.Client, url: str) -> bytes | str:
    """The bytes, or where a redirect leads."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WorldError(f"image {url} cannot be fetched: only http and https addresses are")
    address = public_address(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    shown = f"[{address}]" if ":" in address else address
    port = f":{parts.port}" if parts.port else ""
    target = parts._replace(netloc=f"{shown}{port}", fragment="").geturl()
    headers = {"Host": f"{parts.hostname}{port}", "User-Agent": "nyxqa"}
    with client.stream("GET", target, headers=headers, extensions={"sni_hostname": parts.hostname}) as response:
        if response.is_redirect:
            return str(response.headers.get("Location", ""))
        if response.status_code != 200:
            raise WorldError(f"image {url} cannot be fetched: the server answered {response.status_code}")
        data = bytearray()
        for piece in response.iter_bytes():
            data += piece
            if len(data) > MOST_BYTES:
                raise WorldError(f"image {url} cannot be fetched: it has more than {MOST_BYTES:,} bytes")
        return bytes(data)


def public_address(host: str, port: int) -> str:
    """The first address of ``host``, if all of them are public.

    :raises WorldError: If one is not.
    :raises OSError: If the name is not known.
    """
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for one in found:
        address = ipaddress.ip_address(one.partition("%")[0])
        if not address.is_global or address.is_multicast:
            raise WorldError(f"images of {host} are not fetched: {one} is no public address")
    return found[0]

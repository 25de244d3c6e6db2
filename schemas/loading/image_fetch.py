"""Fetching an image that a dataset publishes by its address."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from nyxqa.schemas.errors import WorldError, first_line
from nyxqa.schemas.web.address_guard import AddressGuard, PrivateAddressError

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 20.0  # seconds for each step of a request
MOST_BYTES = 50_000_000
_REDIRECTS = 5
_GUARD = AddressGuard()


def fetch_image(url: str) -> bytes:
    """Bytes at ``url``.

    Only http and https are fetched, and only from public addresses, redirects included; the connection is made to the
    very address that was checked.

    :raises WorldError: If it may not be fetched, is too large, is not a URL, or does not answer.
    """
    import httpx2

    # A proxy of the environment would resolve names by itself, without the check of the address.
    with httpx2.Client(timeout=TIMEOUT, trust_env=False) as client:
        try:
            target = url
            for _ in range(_REDIRECTS + 1):
                answer = _get(client, target)
                if isinstance(answer, bytes):
                    return answer
                target = urljoin(target, answer)
        except (PrivateAddressError, _RefusedError) as error:
            raise WorldError(f"image {url} cannot be fetched: {error}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise WorldError(f"image {url} cannot be fetched: {first_line(error)}") from error
        except ValueError as error:  # of urllib, the IDNA codec and the socket module, for what is not a URL
            raise WorldError(f"image {url} cannot be fetched: not a valid URL: {first_line(error)}") from error
    raise WorldError(f"image {url} cannot be fetched: more than {_REDIRECTS} redirects")


class _RefusedError(Exception):
    """An answer, or a URL, that gives no image; its text says why."""


def _get(client: httpx2.Client, url: str) -> bytes | str:
    """The bytes, or the location that a redirect names.

    :raises _RefusedError: If there is neither.
    :raises PrivateAddressError: If the host is not at a public address.
    :raises ValueError: If ``url`` cannot be parsed.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _RefusedError("only http and https addresses with a host are")
    address = public_address(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    host = f"[{address}]" if ":" in address else address
    port = f":{parts.port}" if parts.port else ""
    target = parts._replace(netloc=f"{host}{port}", fragment="").geturl()
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    headers = {"Host": f"{name}{port}", "User-Agent": "nyxqa"}
    with client.stream("GET", target, headers=headers, extensions={"sni_hostname": parts.hostname}) as response:
        if response.is_redirect:
            return str(response.headers.get("Location", ""))
        if response.status_code != 200:
            raise _RefusedError(f"the server answered {response.status_code}")
        data = bytearray()
        for piece in response.iter_bytes():
            data += piece
            if len(data) > MOST_BYTES:
                raise _RefusedError(f"it has more than {MOST_BYTES:,} bytes")
        return bytes(data)


def public_address(host: str, port: int) -> str:
    """The first address of ``host``, after a check that all of its addresses are public.

    :raises PrivateAddressError: If one is not.
    :raises OSError: If the name cannot be resolved.
    """
    addresses = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    _GUARD.check(host, addresses)
    return addresses[0]

"""One request and its response, within limits of time and size, and with its owner's word on training (opt-out)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import httpcore2
import httpx2

from nyxqa.builders.images.fetch.connections import CheckedBackend, Connections, Resolver
from nyxqa.builders.images.fetch.retry import FetchError, status_error
from nyxqa.schemas.version import VERSION
from nyxqa.schemas.web.retry_policy import retry_after_seconds

HEADER = "x-robots-tag"
_DIRECTIVES = frozenset(("noai", "noimageai"))
_AGENTS = frozenset(("*", "nyxqa"))
# Directives with a value after a colon, where other directives have the name of the crawler that the next ones are for.
_WITH_VALUE = frozenset(("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"))
USER_AGENT = f"nyxqa/{VERSION} (+https://nyxqa.org)"
_IN_MEMORY = 1_000_000  # bytes of a body; larger ones go to disk, so that many at once need little memory
_MOST_ENCODINGS = 2  # of one body
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_WHOLE = frozenset((200, 203))  # 203: a proxy changed something on the way
_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "image/*,*/*;q=0.5",
    "Accept-Encoding": "identity",  # image files are compressed already
}


@dataclass(frozen=True, slots=True)
class Redirect:
    """A response that names another URL."""

    url: str


class HttpClient:
    """Sends requests without cookies, proxies or credentials.

    :param resolver: Gives the addresses of hosts.
    :param timeout: Most seconds of a request, from resolving the name to the last byte.
    :param max_bytes: Most bytes of a decoded body.
    :param connections: Most connections that are held open between requests.
    :param honour_noai: Whether an image whose owner forbids training on it is refused.
    """

    def __init__(
        self, resolver: Resolver, timeout: float, max_bytes: int, connections: int, honour_noai: bool = True
    ) -> None:
        self._timeout, self._max_bytes, self._honour_noai = timeout, max_bytes, honour_noai
        self._connections = Connections(CheckedBackend(resolver, timeout), httpx2.create_ssl_context(), connections)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    async def get(self, url: httpx2.URL) -> IO[bytes] | Redirect:
        """The decoded body as an open file at its start, or the redirect.

        :raises FetchError: If the response is neither.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._answer(url)
        except TimeoutError as error:
            raise FetchError("timeout", f"not done in {self._timeout:g} s", transient=True) from error

    async def _answer(self, url: httpx2.URL) -> IO[bytes] | Redirect:
        host = url.raw_host.decode("ascii")
        request = httpcore2.Request(
            b"GET",
            httpcore2.URL(scheme=url.raw_scheme, host=host, port=url.port, target=url.raw_path),
            headers=httpx2.Request("GET", url, headers=_HEADERS).headers.raw,
            extensions={"sni_hostname": host.rstrip(".")},
        )
        async with self._connections.lease(request.url) as connection:
            response = await _send(connection, request)
            try:
                return await self._read(response)
            finally:
                await response.aclose()

    async def _read(self, response: httpcore2.Response) -> IO[bytes] | Redirect:
        headers = [(name, _standard_encoding(name, value)) for name, value in response.headers]
        answer = httpx2.Response(response.status, headers=headers, stream=_Stream(response))
        if self._honour_noai and (directive := opt_out(answer.headers.get_list(HEADER))) is not None:
            raise FetchError("noai", f"X-Robots-Tag: {directive}")
        if response.status in _REDIRECTS and "location" in answer.headers:
            return Redirect(answer.headers["location"])
        if response.status not in _WHOLE:
            raise status_error(response.status, retry_after_seconds(answer.headers.get("retry-after")))
        if len(answer.headers.get_list("content-encoding", split_commas=True)) > _MOST_ENCODINGS:
            raise FetchError("bad_encoding", f"wrapped in more than {_MOST_ENCODINGS} encodings")
        announced = answer.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:18]) > self._max_bytes:
            raise FetchError("too_many_bytes", f"{announced} bytes, at most {self._max_bytes}")
        body = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - the caller closes it
        try:
            await self._copy(answer, body)
        except BaseException:
            body.close()
            raise
        body.seek(0)
        return body

    async def _copy(self, answer: httpx2.Response, body: IO[bytes]) -> None:
        size = 0
        async with aclosing(_decoded(answer)) as pieces:
            async for piece in pieces:
                size += len(piece)
                if size > self._max_bytes:
                    raise FetchError("too_many_bytes", f"more than {self._max_bytes} bytes")
                body.write(piece)


def _standard_encoding(name: bytes, value: bytes) -> bytes:
    """A header's value, with the older name of gzip as a content encoding replaced (RFC 9110)."""
    return value.lower().replace(b"x-gzip", b"gzip") if name.lower() == b"content-encoding" else value


class _Stream(httpx2.AsyncByteStream):
    """The raw body of a response in the form from which ``httpx2`` decodes it piece by piece."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.aiter_stream()


async def _decoded(answer: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """Decoded pieces of the body; errors of the transfer become ``FetchError``, errors of the consumer pass through."""
    try:
        async for piece in answer.aiter_bytes():
            yield piece
    except (httpcore2.NetworkError, httpcore2.RemoteProtocolError, OSError) as error:
        raise FetchError("truncated_body", f"ends early: {type(error).__name__}", transient=True) from error
    except httpx2.DecodingError as error:
        raise FetchError("bad_encoding", "its content encoding is broken") from error


async def _send(connection: httpcore2.AsyncHTTPConnection, request: httpcore2.Request) -> httpcore2.Response:
    try:
        return await connection.handle_async_request(request)
    except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
        raise _connect_error(error) from error
    except (httpcore2.NetworkError, httpcore2.RemoteProtocolError, OSError) as error:  # OSError: of TLS
        raise FetchError("no_response", type(error).__name__, transient=True) from error
    except httpcore2.LocalProtocolError as error:
        raise FetchError("bad_reference", "no request can be made of it") from error
    except ValueError as error:
        raise FetchError("no_response", f"an answer that is no HTTP: {type(error).__name__}") from error


def _connect_error(error: Exception) -> FetchError:
    cause: Any = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            name = getattr(cause, "verify_message", "") or cause.reason or type(cause).__name__
            return FetchError("tls", str(name), transient=not isinstance(cause, ssl.SSLCertVerificationError))
        cause = cause.__cause__
    if isinstance(error, httpcore2.ConnectTimeout):
        return FetchError("timeout", "no connection in time", transient=True)
    return FetchError("connect", "refused or unreachable", transient=True)


def opt_out(values: Iterable[str]) -> str | None:
    """The directive for every crawler, or for this one, that forbids training; None if there is none.

    :param values: The header's values.
    """
    for value in values:
        agent = "*"
        for entry in value.lower().split(","):
            name, colon, rest = (piece.strip() for piece in entry.partition(":"))
            if colon and name not in _WITH_VALUE:
                agent, name = name, rest
            if name in _DIRECTIVES and agent in _AGENTS:
                return name
    return None

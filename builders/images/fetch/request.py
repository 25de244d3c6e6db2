"""One request and its answer, within one time limit and one size limit."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import httpcore2
import httpx2

from nyxqa.builders.images.fetch.connections import CheckedBackend, Connections
from nyxqa.builders.images.fetch.dns import Names
from nyxqa.builders.images.fetch.errors import FetchError, bad_status
from nyxqa.schemas.version import VERSION
from nyxqa.schemas.web.retry_after import retry_after_seconds

USER_AGENT = f"nyxqa/{VERSION} (+https://nyxqa.org)"
_IN_MEMORY = 1_000_000  # bytes of a body; larger ones wait on disk, so that many at once stay cheap
_ENCODINGS = 2  # that a body may be wrapped in
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "image/*,*/*;q=0.5",
    "Accept-Encoding": "identity",  # image files are compressed as they are
}


@dataclass(frozen=True, slots=True)
class Moved:
    """The answer that the image is elsewhere."""

    url: str


class Exchange:
    """Sends requests without cookies, proxies or credentials.

    :param names: Where addresses come from.
    :param timeout: Seconds that a request may take, from the lookup of the name to the last byte.
    :param max_bytes: Bytes that a body may have once its encoding is undone.
    :param connections: Connections that are kept open for further requests.
    """

    def __init__(self, names: Names, timeout: float, max_bytes: int, connections: int) -> None:
        self._timeout, self._max_bytes = timeout, max_bytes
        self._connections = Connections(CheckedBackend(names, timeout), httpx2.create_ssl_context(), connections)

    async def close(self) -> None:
        """Drop the connections."""
        await self._connections.close()

    async def get(self, url: httpx2.URL) -> IO[bytes] | Moved:
        """The body as an open file at its beginning, or where it is instead.

        :raises FetchError: If there is neither.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._answer(url)
        except TimeoutError as error:
            raise FetchError("timeout", f"not done in {self._timeout:g} s", passing=True) from error

    async def _answer(self, url: httpx2.URL) -> IO[bytes] | Moved:
        host = url.raw_host.decode("ascii")
        request = httpcore2.Request(
            b"GET",
            httpcore2.URL(scheme=url.raw_scheme, host=host, port=url.port, target=url.raw_path),
            headers=httpx2.Request("GET", url, headers=_HEADERS).headers.raw,
            extensions={"sni_hostname": host.rstrip(".")},
        )
        async with self._connections.lease(request.url) as connection:
            response = await _sent(connection, request)
            try:
                return await self._read(response)
            finally:
                await response.aclose()

    async def _read(self, response: httpcore2.Response) -> IO[bytes] | Moved:
        answer = httpx2.Response(response.status, headers=response.headers, stream=_Stream(response))
        if response.status in _REDIRECTS and "location" in answer.headers:
            return Moved(answer.headers["location"])
        if response.status != 200:
            raise bad_status(response.status, retry_after_seconds(answer.headers.get("retry-after")))
        if len(answer.headers.get_list("content-encoding", split_commas=True)) > _ENCODINGS:
            raise FetchError("bad_encoding", f"wrapped in more than {_ENCODINGS} encodings")
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


class _Stream(httpx2.AsyncByteStream):
    """The raw body of a response, as ``httpx2`` wants it to undo its encoding in small pieces."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.aiter_stream()


async def _decoded(answer: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """Pieces of the body; what goes wrong on the way is no image, what goes wrong with the caller is not caught."""
    try:
        async for piece in answer.aiter_bytes():
            yield piece
    except (httpcore2.NetworkError, httpcore2.RemoteProtocolError, OSError) as error:
        raise FetchError("truncated_body", f"ends early: {type(error).__name__}", passing=True) from error
    except httpx2.DecodingError as error:
        raise FetchError("bad_encoding", "its content encoding is broken") from error


async def _sent(connection: httpcore2.AsyncHTTPConnection, request: httpcore2.Request) -> httpcore2.Response:
    try:
        return await connection.handle_async_request(request)
    except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
        raise _unconnected(error) from error
    except (httpcore2.NetworkError, httpcore2.RemoteProtocolError, OSError) as error:  # OSError: of TLS
        raise FetchError("no_response", type(error).__name__, passing=True) from error
    except httpcore2.LocalProtocolError as error:
        raise FetchError("bad_reference", "no request can be made of it") from error
    except ValueError as error:
        raise FetchError("no_response", f"an answer that is no HTTP: {type(error).__name__}") from error


def _unconnected(error: Exception) -> FetchError:
    cause: Any = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            name = getattr(cause, "verify_message", "") or cause.reason or type(cause).__name__
            return FetchError("tls", str(name), passing=not isinstance(cause, ssl.SSLCertVerificationError))
        cause = cause.__cause__
    if isinstance(error, httpcore2.ConnectTimeout):
        return FetchError("timeout", "no connection in time", passing=True)
    return FetchError("connect", "refused or unreachable", passing=True)

"""One server: connections, the login of its URL, and how many bytes and seconds an answer may take."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
from aiohttp.http_exceptions import ContentEncodingError

from nyxqa.builders.vlm.openai.limits import EndpointPolicy

# An answer of 16,000 tokens with its reasoning takes some hundred kilobytes; what is decompressed counts.
MAX_ANSWER_BYTES = 16 * 2**20
_COMPLETIONS = "/chat/completions"

Content = bytes | aiohttp.MultipartWriter


class TransientError(Exception):
    """A failed attempt that a retry may fix.

    :param reason: Ledger reason if no retry fixes it.
    :param wait: Seconds the server asks to wait.
    """

    def __init__(self, reason: str, detail: str, wait: float | None = None) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.wait = reason, detail, wait


class UnboundedAnswerError(Exception):
    """An answer that takes more bytes or seconds than any answer does; the same request is not sent again."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class UnreachableError(Exception):
    """The server cannot be reached: no such host, nothing listens, or its certificate is refused."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the server returned.

    :param headers: Names are looked up whatever their case.
    :param body: Decompressed bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """The connections to one server; redirects are not followed, so the key goes nowhere else.

    :param url: Base URL, with ``/v1``; a login in it is used and never shown.
    :param key: Bearer token; empty for none.
    """

    def __init__(self, url: str, key: str, policy: EndpointPolicy) -> None:
        self.url, self.shown_url, login = _split_login(url)
        self.secrets = tuple(secret for secret in (key, *(login or ())) if secret)
        self._policy = policy
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip, deflate"}
        if login is not None:
            self._headers["Authorization"] = aiohttp.encode_basic_auth(*login)
        elif key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._proxy = _proxy_of(self.url)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, content: bytes) -> Response:
        """The response to a body of JSON.

        :raises TransientError: If the connection breaks or the answer cannot be decoded.
        :raises UnboundedAnswerError: If the answer exceeds its bytes or seconds.
        :raises UnreachableError: If the server cannot be reached.
        """
        return await self._bounded("POST", self.url, content)

    async def get(self, path: str) -> Response:
        """The response to a request for ``path`` below the base URL; raises as ``post`` does."""
        return await self.request("GET", path)

    async def request(
        self, method: str, path: str, content: Content | None = None, content_type: str = "application/json"
    ) -> Response:
        """The response to any request for ``path`` below the base URL; raises as ``post`` does."""
        return await self._bounded(method, self._below(path), content, content_type)

    async def download(self, path: str, file: Path) -> Response:
        """Write the body of a response to ``file``, however long it is; raises as ``post`` does.

        :return: Without the body if it was written; that of an error is not.
        """
        return await self._bounded("GET", self._below(path), None, file=file)

    def _below(self, path: str) -> str:
        head, _, query = self.url.partition("?")
        url = head.removesuffix(_COMPLETIONS) + path
        return f"{url}{'&' if '?' in path else '?'}{query}" if query else url

    async def _bounded(
        self,
        method: str,
        url: str,
        content: Content | None,
        content_type: str = "application/json",
        file: Path | None = None,
    ) -> Response:
        try:
            async with asyncio.timeout(self._policy.total):
                return await self._exchange(method, url, content, content_type, file)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise UnreachableError(_why_unreachable(error)) from None
        except aiohttp.ClientPayloadError as error:
            if isinstance(error.__cause__, ContentEncodingError):
                raise TransientError("bad_answer", "an answer that cannot be decoded") from None
            raise TransientError(*_broken(error)) from None
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
                raise self._too_slow() from None
            raise TransientError(*_broken(error)) from None
        except TimeoutError:
            raise self._too_slow() from None

    def _too_slow(self) -> UnboundedAnswerError:
        return UnboundedAnswerError("no_answer", f"no complete answer within {self._policy.total:g} s")

    async def _exchange(
        self, method: str, url: str, content: Content | None, content_type: str, file: Path | None
    ) -> Response:
        session = self._session = self._session or self._new_session()
        headers = None if content_type == "application/json" else {"Content-Type": content_type}
        async with session.request(method, url, data=content, headers=headers, allow_redirects=False) as response:
            if file is not None and response.status < 300:
                await _write(response, file)
                return Response(response.status, response.headers, b"")
            pieces: list[bytes] = []
            size = 0
            async for piece in response.content.iter_any():
                pieces.append(piece)
                size += len(piece)
                if size > MAX_ANSWER_BYTES:
                    response.close()
                    raise UnboundedAnswerError("bad_answer", f"an answer of more than {MAX_ANSWER_BYTES >> 20} MiB")
            return Response(response.status, response.headers, b"".join(pieces))

    def _new_session(self) -> aiohttp.ClientSession:
        """A session of the running event loop."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._policy.connect, sock_read=self._policy.read)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, ssl=self._certificates()),
            headers=self._headers,
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self._proxy,
        )

    def _certificates(self) -> ssl.SSLContext | bool:
        """Where certificates are needed, those that the machine trusts."""
        return httpx2.create_ssl_context() if self.url.startswith("https:") else True

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


async def _write(response: aiohttp.ClientResponse, file: Path) -> None:
    with file.open("wb") as target:
        async for piece in response.content.iter_any():
            target.write(piece)


def _broken(error: Exception) -> tuple[str, str]:
    return "no_answer", type(error).__name__


def _proxy_of(url: str) -> str | None:
    """The proxy that the environment names for ``url``, looked up once rather than for each request."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


def _split_login(url: str) -> tuple[str, str, tuple[str, str] | None]:
    """URL of the completions without login, base URL for messages without login and query, and the login."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/") + _COMPLETIONS
    login = (parts.username or "", parts.password or "") if "@" in parts.netloc else None
    shown = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return urlunsplit((parts.scheme, host, path, parts.query, "")), shown, login


def _why_unreachable(error: Exception) -> str:
    """What the system says in words, such as ``connection refused``; else the name of the error.

    Its words are without the address that asyncio puts around them: ``Connect call failed ('127.0.0.1', 9)``.
    """
    number = getattr(getattr(error, "os_error", None), "errno", None)
    if isinstance(number, int) and number > 0:
        return os.strerror(number).lower()
    return type(error).__name__

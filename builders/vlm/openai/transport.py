"""One server: connections, the login of its URL, and how many bytes and seconds an answer may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx2

from nyxqa.builders.vlm.openai.limits import EndpointPolicy
from nyxqa.schemas.errors import NyxqaError

# An answer of 16,000 tokens with its reasoning takes some hundred kilobytes; what is decompressed counts.
MAX_ANSWER_BYTES = 16 * 2**20
_JSON = {"Content-Type": "application/json"}


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


@dataclass(frozen=True, slots=True)
class Response:
    """What the server returned.

    :param body: Decompressed bytes.
    """

    status: int
    headers: httpx2.Headers
    body: bytes


class Transport:
    """The connections to one server; redirects are not followed, so the key goes nowhere else.

    :param url: Base URL, with ``/v1``; a login in it is used and never shown.
    :param key: Bearer token; empty for none.
    :param connections: Number of requests under way at a time.
    :param before_sending: Called before each request is sent; may raise a ``NyxqaError`` to prevent it.
    """

    def __init__(
        self, url: str, key: str, connections: int, policy: EndpointPolicy, before_sending: Callable[[], None]
    ) -> None:
        self.url, self.shown_url, login = _split_login(url)
        self.secrets = tuple(secret for secret in (key, *(login or ())) if secret)
        self._policy, self._before_sending = policy, before_sending
        context = httpx2.create_ssl_context()

        def client() -> httpx2.AsyncClient:
            return httpx2.AsyncClient(
                headers={"Authorization": f"Bearer {key}"} if key else {},
                auth=login,
                verify=context,
                follow_redirects=False,
                timeout=httpx2.Timeout(policy.read, connect=policy.connect, pool=None),
            )

        # One client per slot: a single pool of many connections checks all of them on every request.
        self._clients = [client() for _ in range(connections)]
        self._free: asyncio.LifoQueue[httpx2.AsyncClient] = asyncio.LifoQueue()
        for slot in self._clients:
            self._free.put_nowait(slot)

    async def post(self, content: bytes) -> Response:
        """The response to a body of JSON.

        Only this call holds a connection: bodies are built before, waiting and storing happen after.

        :raises TransientError: If the connection breaks or the answer cannot be decoded.
        :raises UnboundedAnswerError: If the answer exceeds its bytes or seconds.
        :raises httpx2.ConnectError: If the server cannot be reached.
        :raises NyxqaError: As ``before_sending`` does.
        """
        client = await self._free.get()
        try:
            self._before_sending()
            async with asyncio.timeout(self._policy.total):
                return await self._exchange(client, content)
        except (httpx2.ConnectError, NyxqaError):
            raise
        except httpx2.TransportError as error:
            raise TransientError("no_answer", type(error).__name__) from None
        except httpx2.DecodingError:
            raise TransientError("bad_answer", "an answer that cannot be decoded") from None
        except TimeoutError:
            detail = f"no complete answer within {self._policy.total:g} s"
            raise UnboundedAnswerError("no_answer", detail) from None
        finally:
            self._free.put_nowait(client)

    async def _exchange(self, client: httpx2.AsyncClient, content: bytes) -> Response:
        async with client.stream("POST", self.url, content=content, headers=_JSON) as response:
            pieces: list[bytes] = []
            size = 0
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size > MAX_ANSWER_BYTES:
                    raise UnboundedAnswerError("bad_answer", f"an answer of more than {MAX_ANSWER_BYTES >> 20} MiB")
            return Response(response.status_code, response.headers, b"".join(pieces))

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            await client.aclose()


def _split_login(url: str) -> tuple[str, str, tuple[str, str] | None]:
    """URL of the completions without login, base URL for messages without login and query, and the login."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/") + "/chat/completions"
    login = (parts.username or "", parts.password or "") if "@" in parts.netloc else None
    shown = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return urlunsplit((parts.scheme, host, path, parts.query, "")), shown, login

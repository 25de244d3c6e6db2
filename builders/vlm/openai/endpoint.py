"""An OpenAI-compatible endpoint: one request at a time, tried again while that may help."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2

from nyxqa.builders.vlm.openai.budget import Usage
from nyxqa.builders.vlm.openai.images import DataUris, TooLargeError
from nyxqa.builders.vlm.openai.messages import body_of
from nyxqa.builders.vlm.openai.request import ChatReply, ChatRequest, response_schema
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.images.decode import ImageDecodeError
from nyxqa.schemas.web.retry_after import retry_after_seconds
from nyxqa.schemas.web.retry_policy import RetryPolicy

_AGAIN = frozenset({408, 409, 425, 429})
_MALFORMED = frozenset({400, 422})  # as servers refuse a response format that they do not know
_REFUSALS = {
    401: "refuses the key (401): set NYXQA_API_KEY or OPENAI_API_KEY",
    402: "asks for payment (402)",
    403: "forbids access (403): check the key and what it may use",
    404: "does not know the model or the path (404): check MODEL and that URL ends in /v1",
    405: "takes no chat completions there (405): check that URL ends in /v1",
}
_JSON = {"Content-Type": "application/json"}
_FORMATS = 3  # json_schema with bounds, json_schema without, none


@dataclass(frozen=True, slots=True)
class EndpointPolicy(RetryPolicy):
    """How often to try and how long to wait for an endpoint.

    :param connect: Seconds to reach the server.
    :param read: Seconds between two pieces of its answer.
    :param streak: Requests in a row that may fail before the endpoint counts as dead.
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    jitter: float = 0.5
    connect: float = 10.0
    read: float = 600.0
    streak: int = 16


class _TransientError(Exception):
    """A try that failed in a way that may pass.

    :param reason: Ledger reason should it not pass.
    :param wait: Seconds the server asks to wait.
    """

    def __init__(self, reason: str, detail: str, wait: float | None = None) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.wait = reason, detail, wait


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one exchange gave.

    :param status: HTTP status of the server's answer.
    """

    status: int
    value: ChatReply | Failed

    @property
    def malformed(self) -> bool:
        """Whether the server took the request for malformed, for its response format perhaps."""
        return self.status in _MALFORMED


class Endpoint:
    """Sends requests to one model.

    :param url: Base URL, with ``/v1``; a login in it is used and never shown.
    :param key: Bearer token; empty for none.
    :param budget: Most requests and tokens of the run.
    """

    def __init__(
        self,
        model: str,
        url: str,
        key: str,
        connections: int,
        retry_policy: EndpointPolicy,
        usage: Usage,
        budget: tuple[int | None, int | None] = (None, None),
    ) -> None:
        self.model, self.usage = model, usage
        self._url, self._shown, login = _taken_apart(url)
        self._retry_policy, self._budget = retry_policy, budget
        self._uris = DataUris()
        self._format, self._proven = 0, False
        self._finding_format = asyncio.Lock()
        context = httpx2.create_ssl_context()

        def client() -> httpx2.AsyncClient:
            return httpx2.AsyncClient(
                headers={"Authorization": f"Bearer {key}"} if key else {},
                auth=login,
                verify=context,
                timeout=httpx2.Timeout(retry_policy.read, connect=retry_policy.connect, pool=None),
            )

        # A client for each slot: one pool of many connections looks at all of them for every request.
        self._clients = [client() for _ in range(connections)]
        self._free: asyncio.LifoQueue[httpx2.AsyncClient] = asyncio.LifoQueue()
        for slot in self._clients:
            self._free.put_nowait(slot)

    async def close(self) -> None:
        """Drop the connections."""
        for client in self._clients:
            await client.aclose()

    async def ask(self, request: ChatRequest) -> ChatReply | Failed:
        """The answer, or why there is none after all tries.

        :raises WorldError: If the endpoint cannot be reached or refuses this model altogether.
        :raises BudgetError: If the budget is spent.
        """
        try:
            parts = await _body(request, self._uris)
        except (OSError, ImageDecodeError) as error:
            cause = error.__cause__ if isinstance(error, ImageDecodeError) else error
            return Failed("bad_image", f"an image cannot be read: {type(cause).__name__}")
        try:
            async for attempt in self._retry_policy.tries(_worth_another):
                with attempt:
                    return (await self._try(request, parts)).value
        except _TransientError as failure:
            return Failed(failure.reason, f"{failure.detail}, {self._retry_policy.attempts} times")
        except httpx2.ConnectError as error:
            raise WorldError(f"cannot reach {self._shown}: {type(error).__name__}; is the server running?") from None
        raise AssertionError("unreachable: a try returns or raises")

    async def _try(self, request: ChatRequest, parts: dict[str, Any]) -> _Outcome:
        """One try in the response format the server takes; who is refused first finds out which that is."""
        number = self._format
        outcome = await self._send(request, parts, number)
        if not outcome.malformed:
            return outcome
        async with self._finding_format:
            if self._format == number and not self._proven:
                return await self._next_formats(request, parts, outcome)
        return outcome if self._format == number else await self._send(request, parts, self._format)

    async def _next_formats(self, request: ChatRequest, parts: dict[str, Any], outcome: _Outcome) -> _Outcome:
        """The answer in the first plainer format that is not refused; a request refused in each is itself at fault."""
        for number in range(self._format + 1, _FORMATS):
            outcome = await self._send(request, parts, number)
            if isinstance(outcome.value, ChatReply) and not self._proven:
                self._format, self._proven = number, True
            if not outcome.malformed:
                break
        return outcome

    async def _send(self, request: ChatRequest, parts: dict[str, Any], number: int) -> _Outcome:
        body = json.dumps({"model": self.model, **parts, **_response_format(request, number)}).encode("utf-8")
        # Only the exchange itself holds a slot: bodies are ready before, answers are stored and waits done outside.
        client = await self._free.get()
        try:
            self.usage.check(*self._budget)
            self.usage.requests += 1
            response = await client.post(self._url, content=body, headers=_JSON)
        except httpx2.ConnectError:
            raise
        except httpx2.TransportError as error:
            raise _TransientError("no_answer", type(error).__name__) from None
        except httpx2.DecodingError:
            raise _TransientError("bad_answer", "an answer that cannot be decoded") from None
        finally:
            self._free.put_nowait(client)
        value = self._judged(response)
        if isinstance(value, ChatReply) and number == self._format:
            self._proven = True
        return _Outcome(response.status_code, value)

    def _judged(self, response: httpx2.Response) -> ChatReply | Failed:
        status = response.status_code
        if status in _REFUSALS or 300 <= status < 400:
            raise WorldError(f"{self._shown} {_REFUSALS.get(status, f'redirects elsewhere ({status}): correct URL')}")
        if status in _AGAIN or status >= 500:
            wait = self._retry_policy.bounded(retry_after_seconds(response.headers.get("Retry-After")))
            raise _TransientError("server_error", f"HTTP {status}", wait)
        if status >= 400:
            return Failed("refused_request", f"HTTP {status}")
        reply = _read(response)
        if isinstance(reply, ChatReply):
            self.usage.prompt_tokens += reply.prompt_tokens
            self.usage.completion_tokens += reply.completion_tokens
        return reply


async def _body(request: ChatRequest, uris: DataUris) -> dict[str, Any]:
    """The body, made in another thread where an image has to be shrunk."""
    try:
        return body_of(request, uris, shrink=False)
    except TooLargeError:
        return await asyncio.to_thread(body_of, request, uris, shrink=True)


def _taken_apart(url: str) -> tuple[str, str, tuple[str, str] | None]:
    """URL of the completions without login, the same to be shown without query, and the login."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/") + "/chat/completions"
    login = (parts.username or "", parts.password or "") if "@" in parts.netloc else None
    shown = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return urlunsplit((parts.scheme, host, path, parts.query, "")), shown, login


def _response_format(request: ChatRequest, number: int) -> dict[str, Any]:
    if number == _FORMATS - 1:
        return {}
    shape = {"name": request.form, "strict": True, "schema": response_schema(request, bounded=number == 0)}
    return {"response_format": {"type": "json_schema", "json_schema": shape}}


def _worth_another(error: Exception) -> bool | float:
    """Whether to try again; a number is the wait the server asked for."""
    if isinstance(error, _TransientError):
        return True if error.wait is None else error.wait
    return isinstance(error, httpx2.ConnectError)


def _read(response: httpx2.Response) -> ChatReply | Failed:
    """The single choice of a completion."""
    try:
        value = response.json()
        choices = value["choices"]
        message = choices[0]["message"]
        content, finish = message.get("content"), choices[0].get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise _TransientError("bad_answer", "an answer that is no chat completion") from None
    if len(choices) != 1:
        raise _TransientError("bad_answer", f"{len(choices)} choices instead of one")
    if message.get("refusal") or finish == "content_filter":
        return Failed("refused", "the model or its filter refused")
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise _TransientError("bad_answer", "a choice without text")
    spent = value.get("usage") or {}
    text = content.encode("utf-8", "replace").decode("utf-8")
    return ChatReply(text, finish == "length", _count(spent, "prompt_tokens"), _count(spent, "completion_tokens"))


def _count(spent: Any, name: str) -> int:
    found = spent.get(name) if isinstance(spent, dict) else None
    return found if isinstance(found, int) and found > 0 else 0

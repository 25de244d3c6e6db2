"""Sends requests to an OpenAI-compatible endpoint, with retries, one at a time on each connection."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx2

from nyxqa.builders.vlm.openai.completion import read_completion
from nyxqa.builders.vlm.openai.images import DataUris
from nyxqa.builders.vlm.openai.limits import EndpointPolicy, Usage
from nyxqa.builders.vlm.openai.messages import RESPONSE_FORMATS, request_body, response_format
from nyxqa.builders.vlm.openai.request import ChatReply, ChatRequest
from nyxqa.builders.vlm.openai.transport import Response, TransientError, Transport, UnboundedAnswerError
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.images.decode import ImageDecodeError
from nyxqa.schemas.web.retry_after import retry_after_seconds

_RETRIED = frozenset({408, 409, 425, 429})
_MALFORMED = frozenset({400, 422})  # how servers refuse a response format that they do not support
_REFUSALS = {
    401: "refuses the key (401): set NYXQA_API_KEY or OPENAI_API_KEY",
    402: "requires payment (402)",
    403: "forbids access (403): check the key and its permissions",
    404: "does not know the model or the path (404): check MODEL and that the URL ends in /v1",
    405: "does not accept chat completions (405): check that the URL ends in /v1",
}


@dataclass(frozen=True, slots=True)
class _Exchange:
    """Result of one exchange.

    :param status: HTTP status of the response.
    """

    status: int
    outcome: ChatReply | Failed

    @property
    def is_malformed(self) -> bool:
        """Whether the server called the request malformed, perhaps for its response format."""
        return self.status in _MALFORMED


class Endpoint:
    """Sends requests to one model.

    :param url: Base URL, with ``/v1``; a login in it is used and never shown.
    :param key: Bearer token; empty for none.
    :param budget: Maximum number of requests and of tokens of the run.
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
        self._transport = Transport(url, key, connections, retry_policy, self._before_sending)
        self._retry_policy, self._budget = retry_policy, budget
        self._uris = DataUris()
        self._format, self._format_accepted = 0, False
        self._finding_format = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def send(self, request: ChatRequest) -> ChatReply | Failed:
        """The reply, or why there is none after all attempts.

        :raises WorldError: If the endpoint cannot be reached or refuses this model altogether.
        :raises BudgetError: If the budget is spent.
        """
        try:
            body = await request_body(request, self._uris)
        except (OSError, ImageDecodeError) as error:
            cause = error.__cause__ if isinstance(error, ImageDecodeError) else error
            return Failed("bad_image", f"an image cannot be read: {type(cause).__name__}")
        try:
            async for attempt in self._retry_policy.tries(_should_retry):
                with attempt:
                    return (await self._attempt(request, body)).outcome
        except TransientError as failure:
            return Failed(failure.reason, f"{failure.detail}, {self._retry_policy.attempts} times")
        except UnboundedAnswerError as failure:
            return Failed(failure.reason, failure.detail)
        except httpx2.ConnectError as error:
            raise WorldError(
                f"cannot reach {self._transport.shown_url}: {type(error).__name__}; is the server running?"
            ) from None
        raise AssertionError("unreachable: an attempt returns or raises")

    async def _attempt(self, request: ChatRequest, body: dict[str, Any]) -> _Exchange:
        """One attempt in the response format the server accepts; the first refused request finds out which that is."""
        number = self._format
        exchange = await self._exchange(request, body, number)
        if not exchange.is_malformed:
            return exchange
        async with self._finding_format:
            if self._format == number and not self._format_accepted:
                return await self._try_plainer_formats(request, body, exchange)
        return exchange if self._format == number else await self._exchange(request, body, self._format)

    async def _try_plainer_formats(self, request: ChatRequest, body: dict[str, Any], exchange: _Exchange) -> _Exchange:
        """The first plainer format that is accepted; a request refused in every format is itself at fault."""
        for number in range(self._format + 1, RESPONSE_FORMATS):
            exchange = await self._exchange(request, body, number)
            if isinstance(exchange.outcome, ChatReply) and not self._format_accepted:
                self._format, self._format_accepted = number, True
            if not exchange.is_malformed:
                break
        return exchange

    async def _exchange(self, request: ChatRequest, body: dict[str, Any], number: int) -> _Exchange:
        content = json.dumps({"model": self.model, **body, **response_format(request, number)}).encode("utf-8")
        response = await self._transport.post(content)
        outcome = self._read(response)
        if isinstance(outcome, ChatReply) and number == self._format:
            self._format_accepted = True
        return _Exchange(response.status, outcome)

    def _before_sending(self) -> None:
        self.usage.check(*self._budget)
        self.usage.requests += 1

    def _read(self, response: Response) -> ChatReply | Failed:
        status = response.status
        if status in _REFUSALS or 300 <= status < 400:
            refusal = _REFUSALS.get(status, f"redirects to another URL ({status}): correct the URL")
            raise WorldError(f"{self._transport.shown_url} {refusal}")
        if status in _RETRIED or status >= 500:
            wait = self._retry_policy.bounded(retry_after_seconds(response.headers.get("Retry-After")))
            raise TransientError("server_error", f"HTTP {status}", wait)
        if status >= 400:
            return Failed("refused_request", f"HTTP {status}")
        outcome = read_completion(response.body)
        if isinstance(outcome, ChatReply):
            self.usage.prompt_tokens += outcome.prompt_tokens
            self.usage.completion_tokens += outcome.completion_tokens
        return outcome


def _should_retry(error: Exception) -> bool | float:
    """Whether to retry; a number is the wait in seconds that the server asked for."""
    if isinstance(error, TransientError):
        return True if error.wait is None else error.wait
    return isinstance(error, httpx2.ConnectError)

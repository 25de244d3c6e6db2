"""One exchange with a model at an endpoint, repeated while the failure may pass."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace

from nyxqa.builders.vlm.openai.batch.batches import NotAnsweredError
from nyxqa.builders.vlm.openai.batch.request_files import MOST_TRIES
from nyxqa.builders.vlm.openai.concessions import (
    is_filtered,
    is_out_of_quota,
    names_picture,
    ran_out_of_tokens,
    refuses_format,
    refuses_key,
    refuses_model,
    refuses_vision,
)
from nyxqa.builders.vlm.openai.limits import EndpointPolicy, Usage
from nyxqa.builders.vlm.openai.messages import Body, body_json
from nyxqa.builders.vlm.openai.request import ChatReply
from nyxqa.builders.vlm.openai.server_pool import ServerPool
from nyxqa.builders.vlm.openai.server_text import REFUSED, ServerError, read_completion, server_error
from nyxqa.builders.vlm.openai.transport import (
    Response,
    TransientError,
    Transport,
    UnboundedAnswerError,
    UnreachableError,
)
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.errors import WorldError, one_line
from nyxqa.schemas.web.retry_policy import wait_asked_for

_RETRIED = frozenset({408, 409, 424, 425, 429, 498})
_REFUSALS = {
    401: "refuses the key (401): set NYXQA_API_KEY or OPENAI_API_KEY",
    402: "requires payment (402)",
    403: "forbids access (403): check the key and its permissions",
    404: "does not know the model or the path (404): check MODEL and that the URL ends in /v1",
    405: "does not accept chat completions (405): check that the URL ends in /v1",
}


class RefusedRequest(Exception):  # noqa: N818 - a refusal is what it is called in the ledger
    """The server refused this request; another spelling of it may be taken."""

    def __init__(self, error: ServerError) -> None:
        super().__init__(error.detail)
        self.error = error


class Endpoint:
    """Sends requests to one model.

    :param url: Base URL, with ``/v1``; a login in it is used and never shown.
    :param key: Bearer token; empty for none.
    :param budget: Maximum number of requests and of tokens of the run.
    :param stored: What a batch brought for a body; None to send every request.
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
        stored: Callable[[bytes], Response | None] | None = None,
    ) -> None:
        self.model, self.usage, self.retry_policy = model, usage, retry_policy
        self._transport = ServerPool(url, key, connections, retry_policy, self._before_sending)
        self._budget, self._stored = budget, stored

    @property
    def shown_url(self) -> str:
        """Base URL without login and query."""
        return self._transport.shown_url

    @property
    def transport(self) -> Transport:
        """The connections to its first server."""
        return self._transport.servers[0].transport

    @property
    def asks_in_batches(self) -> bool:
        """Whether requests wait for a batch unless they are sent directly."""
        return self._stored is not None

    @property
    def concurrency(self) -> int:
        """Number of requests that its servers are sent at a time now."""
        return self._transport.concurrency

    async def get(self, path: str) -> Response:
        """The response of the first server to a request for ``path`` below its base URL; raises as a transport does."""
        return await self._transport.get(path)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def send(self, body: Body, attempts: int | None = None, *, directly: bool = False) -> ChatReply | Failed:
        """The reply to a body, or why there is none after all attempts.

        :param attempts: Maximum number of tries; None for those of the retry policy.
        :param directly: Whether it is sent now although others are asked in batches.
        :raises NotAnsweredError: If it is to be asked in a batch.
        :raises RefusedRequest: If the server refuses this body.
        :raises WorldError: If the endpoint cannot be reached or refuses this model altogether.
        :raises BudgetError: If the budget is spent.
        """
        policy = self.retry_policy if attempts is None else replace(self.retry_policy, attempts=attempts)
        content = body_json(self.model, body)
        if self._stored is not None and not directly:
            return self._from_batch(content, self._stored(content))
        for failures in itertools.count(1):
            try:
                return self._read(await self._transport.post(content))
            except UnboundedAnswerError as failure:
                return Failed(failure.reason, failure.detail)
            except (TransientError, UnreachableError) as failure:
                asked = failure.wait if isinstance(failure, TransientError) else None
                wait = policy.wait_after(failures, asked)
                if wait is None and isinstance(failure, TransientError):
                    return Failed(failure.reason, f"{failure.detail}, {failures} times")
                if wait is None:
                    raise WorldError(f"cannot reach {self.shown_url} ({failure}); is the server running?") from None
            await asyncio.sleep(wait or 0.0)
        raise AssertionError("unreachable: an attempt returns or raises")

    def _from_batch(self, content: bytes, response: Response | None) -> ChatReply | Failed:
        """What a batch brought; its tokens were counted when it was collected."""
        if response is None:
            raise NotAnsweredError(content)
        try:
            return self._read(response, counted=True)
        except TransientError as failure:
            return Failed(failure.reason, f"{failure.detail}, in {MOST_TRIES} batches")
        except WorldError as failure:
            return Failed("server_error", f"{one_line(failure)}, in {MOST_TRIES} batches")

    def _before_sending(self) -> None:
        self.usage.check(*self._budget)
        self.usage.requests += 1

    def _read(self, response: Response, counted: bool = False) -> ChatReply | Failed:
        status, secrets = response.status, self._transport.secrets
        if 300 <= status < 400:
            raise WorldError(f"{self.shown_url} redirects to another URL ({status}): correct the URL")
        if status >= 400:
            return self._refused(server_error(status, response.body, secrets), response)
        outcome = read_completion(response.body, secrets)
        if isinstance(outcome, ServerError):
            return self._refused(outcome, response)
        if isinstance(outcome, ChatReply) and not counted:
            self.usage.prompt_tokens += outcome.prompt_tokens
            self.usage.completion_tokens += outcome.completion_tokens
        return outcome

    def _refused(self, error: ServerError, response: Response) -> ChatReply | Failed:
        """A refusal by a filter, or an answer cut off before its text; every other error is raised."""
        status = error.status
        if status in _RETRIED or status >= 500:
            raise self._passing(error, response)
        if is_filtered(error):
            return REFUSED
        if ran_out_of_tokens(error):
            return ChatReply("", truncated=True)
        if refuses_key(error):
            raise WorldError(f"{self.shown_url} {_REFUSALS[401].replace('401', str(status))}{error.saying}")
        if refuses_model(error):
            raise WorldError(
                f"{self.shown_url} does not know the model {self.model} ({status}): check MODEL{error.saying}"
            )
        if status in _REFUSALS and not (status == 404 and _is_about_request(error)):
            raise WorldError(f"{self.shown_url} {_REFUSALS[status]}{error.saying}")
        raise RefusedRequest(error)

    def _passing(self, error: ServerError, response: Response) -> Exception:
        """What to raise for an error that usually passes."""
        wait = wait_asked_for(response.headers, error.text)
        if error.status >= 500 and _is_about_request(error):
            return RefusedRequest(error)
        if wait is None and error.status == 429 and is_out_of_quota(error):
            return WorldError(f"{self.shown_url} has no quota left for this key (429){error.saying}")
        if wait is not None and wait > self.retry_policy.longest_retry_after:
            return WorldError(
                f"{self.shown_url} asks to wait {wait:.0f} s (HTTP {error.status}): run again then{error.saying}"
            )
        return TransientError("server_error", error.detail, wait)


def _is_about_request(error: ServerError) -> bool:
    """Whether the sentence names what is in the request, so that another spelling may be taken."""
    kinds: tuple[Callable[[ServerError], bool], ...] = (refuses_vision, refuses_format, names_picture)
    named = any(kind(error) for kind in kinds) or "support the requested param" in error.text
    return named and "loading" not in error.text

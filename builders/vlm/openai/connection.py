"""A model at its endpoint: what was agreed, and requests sent, with smaller pictures or none where they are refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from nyxqa.builders.vlm.openai.agreement import Agreements
from nyxqa.builders.vlm.openai.answer_store import AnswerStore
from nyxqa.builders.vlm.openai.batch.batches import Batches
from nyxqa.builders.vlm.openai.batch.records import BATCHES
from nyxqa.builders.vlm.openai.batch.request_files import FileLimits
from nyxqa.builders.vlm.openai.concessions import is_too_large
from nyxqa.builders.vlm.openai.endpoint import Endpoint, RefusedRequest
from nyxqa.builders.vlm.openai.limits import EndpointPolicy, Usage
from nyxqa.builders.vlm.openai.negotiation import Draft, Negotiation
from nyxqa.builders.vlm.openai.probe import Probe
from nyxqa.builders.vlm.openai.request import ChatReply, ChatRequest
from nyxqa.builders.vlm.openai.server_text import ServerError
from nyxqa.builders.vlm.openai.transport import Response
from nyxqa.builders.vlm.protocol import Failed, VlmImage
from nyxqa.schemas.images.decode import ImageDecodeError
from nyxqa.schemas.recipe import VlmSection

_SMALLER = 4  # times fewer pixels

FILE_LIMITS = FileLimits()


class Connection:
    """Everything that lasts as long as a model is in use.

    :param folder: Folder of the stored answers, where agreements lie too; None to keep them in memory.
    :param max_pixels: Maximum number of pixels of the picture of the probe.
    :param batches: The batches of the model; None if there are none and all requests are sent directly.
    """

    def __init__(
        self, endpoint: Endpoint, folder: Path | None, max_pixels: int, seed: int, batches: Batches | None = None
    ) -> None:
        self.endpoint, self.batches = endpoint, batches
        self.agreements = Agreements(folder, f"{endpoint.model} at {endpoint.shown_url}")
        negotiation = Negotiation(endpoint, self.agreements)
        self.probe = Probe(negotiation, endpoint.model, max_pixels, seed)
        self._sender = Sender(negotiation, self.probe)

    async def send(self, request: ChatRequest) -> ChatReply | Failed:
        """The reply, or why there is none.

        :raises WorldError: If the endpoint cannot be reached, refuses this model or sees no pictures.
        :raises BudgetError: If the budget is spent.
        :raises NotAnsweredError: If it is to be asked in a batch.
        """
        return await self._sender.send(request)

    async def close(self) -> None:
        """Close the connections and the files of batches."""
        if self.batches is not None:
            self.batches.close()
        await self.endpoint.close()


class Sender:
    """Sends requests to one model; what the server refuses in a request is changed as far as it can be."""

    def __init__(self, negotiation: Negotiation, probe: Probe) -> None:
        self._negotiation, self._probe = negotiation, probe
        self._refused: set[str] = set()
        self._asking_for_vision = asyncio.Lock()

    async def send(self, request: ChatRequest) -> ChatReply | Failed:
        """The reply, or why there is none.

        :raises WorldError: If the endpoint cannot be reached, refuses this model or sees no pictures.
        :raises BudgetError: If the budget is spent.
        """
        draft = Draft(left_out=frozenset(self._refused.intersection(_image_ids(request))))
        try:
            return await self._sent(request, draft)
        except RefusedRequest as refusal:
            return Failed("refused_request", refusal.error.detail)
        except (OSError, ImageDecodeError) as error:
            cause = error.__cause__ if isinstance(error, ImageDecodeError) else error
            return Failed("bad_image", f"an image cannot be read: {type(cause).__name__}")

    async def _sent(self, request: ChatRequest, draft: Draft) -> ChatReply | Failed:
        images = [image_id for image_id in _image_ids(request) if image_id not in draft.left_out]
        failed: Failed | RefusedRequest
        try:
            outcome = await self._negotiation.complete(request, draft)
            if not images or not isinstance(outcome, Failed) or outcome.reason != "server_error":
                return outcome
            failed, error = outcome, ServerError(500, "", "")
        except RefusedRequest as refusal:
            if not images:
                raise
            failed, error = refusal, refusal.error
        await self._require_vision(error)
        found = await self._changed(request, draft, images, error)
        if found is not None:
            return found
        if isinstance(failed, RefusedRequest):
            raise failed
        return failed

    async def _require_vision(self, error: ServerError) -> None:
        """Once a run, ask whether any picture is taken.

        :raises WorldError: If none is.
        """
        async with self._asking_for_vision:
            if self._probe.vision is None and error.status != 500:
                await self._probe.picture()

    async def _changed(
        self, request: ChatRequest, draft: Draft, images: list[str], error: ServerError
    ) -> ChatReply | Failed | None:
        """The reply to the request with smaller pictures, or without those refused; None if it is not the pictures."""
        once = replace(draft, attempts=1 if error.status == 500 else None)
        if is_too_large(error):
            pixels = request.sampling.max_pixels // _SMALLER
            reply = await self._tried(request, replace(once, max_pixels=pixels))
            if reply is not None:
                return reply
        candidates = [{image} for image in images] if len(images) > 1 else []
        for left_out in (*candidates, set(images)):
            reply = await self._tried(request, replace(once, left_out=draft.left_out | left_out))
            if reply is None:
                continue
            if error.status == 500:  # the server may have recovered in between
                whole = await self._tried(request, once)
                if whole is not None:
                    return whole
            self._refused |= left_out
            return reply
        return None

    async def _tried(self, request: ChatRequest, draft: Draft) -> ChatReply | None:
        try:
            reply = await self._negotiation.complete(request, draft)
        except RefusedRequest:
            return None
        return reply if isinstance(reply, ChatReply) else None


def _image_ids(request: ChatRequest) -> list[str]:
    return list(dict.fromkeys(part.image_id for part in request.parts if isinstance(part, VlmImage)))


def connect_model(
    model: str,
    url: str,
    key: str,
    settings: VlmSection,
    policy: EndpointPolicy,
    usage: Usage,
    answers: AnswerStore,
    folder: Path,
    seed: int,
) -> Connection:
    """A connection to the servers at ``url``, with batches if the model is or was asked in batches.

    :param url: Base URL with ``/v1``, or several separated by commas.
    :param key: Key of the API, may be empty.
    :param usage: Where requests and tokens are counted.
    :param folder: Folder of the stored answers.
    """
    budget = (settings.max_requests, settings.max_tokens)
    batches: Batches | None = None

    def stored(content: bytes) -> Response | None:
        return None if batches is None else batches.response(content)

    endpoint = Endpoint(
        model, url, key, settings.concurrency, policy, usage, budget, stored if settings.batch else None
    )
    if settings.batch or (folder / BATCHES).exists():
        batches = Batches(endpoint.transport, folder, answers, usage, budget, policy, FILE_LIMITS)
    return Connection(endpoint, folder, settings.max_pixels, seed, batches)

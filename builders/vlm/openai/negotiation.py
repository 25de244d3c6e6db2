"""Sends requests in the spelling that the server takes, which its refusals of each form of request find out."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace

from nyxqa.builders.vlm.openai.agreement import Agreement, Agreements
from nyxqa.builders.vlm.openai.batch.batches import NotAnsweredError
from nyxqa.builders.vlm.openai.concessions import Sent, concession, fewer_tokens
from nyxqa.builders.vlm.openai.endpoint import Endpoint, RefusedRequest
from nyxqa.builders.vlm.openai.images import DataUris
from nyxqa.builders.vlm.openai.messages import chat_message, request_body
from nyxqa.builders.vlm.openai.parsing import parse_answer, parse_options, parse_pairs
from nyxqa.builders.vlm.openai.request import ChatReply, ChatRequest
from nyxqa.builders.vlm.openai.server_text import ServerError
from nyxqa.builders.vlm.prompt import PromptPart
from nyxqa.builders.vlm.protocol import Failed, VlmImage

_MAX_ROUNDS = 16  # spellings of one request
# A model that reasons needs room for it beside the answer.
_REASONING_TOKENS = 4096
_TIMES = 4


@dataclass(frozen=True, slots=True)
class Draft:
    """How one request differs from the others of its form.

    :param tokens: Limit of tokens of its answer; None for that of the request.
    :param max_pixels: Limit of pixels of its images; None for that of the request.
    :param left_out: Ids of images that are not sent.
    :param attempts: Maximum number of tries; None for those of the retry policy.
    :param directly: Whether it is sent now although others are asked in batches.
    """

    tokens: int | None = None
    max_pixels: int | None = None
    left_out: frozenset[str] = frozenset()
    attempts: int | None = None
    directly: bool = False


class Negotiation:
    """Spells requests as agreed with the server, and agrees on another spelling when it refuses one.

    What is agreed holds for the form of the request (pairs, answer, options) alone.
    """

    def __init__(self, endpoint: Endpoint, agreements: Agreements) -> None:
        self.endpoint, self.agreements = endpoint, agreements
        self._uris = DataUris()
        self._deciding: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def complete(self, request: ChatRequest, draft: Draft) -> ChatReply | Failed:
        """The reply; one that was cut off with nothing usable is asked for once more, with a larger limit of tokens.

        :raises RefusedRequest: If the server takes no spelling of the request.
        """
        agreement = self.agreements.of(request.form)
        first = replace(draft, tokens=_larger(request, reasons=True)) if agreement.larger else draft
        reply = await self.negotiated(request, first)
        if not isinstance(reply, ChatReply) or not reply.truncated or is_usable(request, reply):
            return reply
        reasons, limit = not reply.text.strip(), first.tokens or request.sampling.tokens
        larger = _larger(request, reasons=reasons)
        if larger <= limit:
            return _cut_off(limit)
        try:
            second = await self.negotiated(request, replace(draft, tokens=larger))
        except RefusedRequest:
            return _cut_off(limit)
        if not isinstance(second, ChatReply):
            return second
        if second.truncated and not is_usable(request, second):
            return _cut_off(larger, limit)
        if reasons:
            self.agreements.put(request.form, replace(self.agreements.of(request.form), larger=True))
        return replace(
            second,
            prompt_tokens=reply.prompt_tokens + second.prompt_tokens,
            completion_tokens=reply.completion_tokens + second.completion_tokens,
        )

    async def negotiated(self, request: ChatRequest, draft: Draft) -> ChatReply | Failed:
        """The reply in the spelling that the server takes.

        :raises RefusedRequest: If it takes none.
        """
        while True:
            used = self.agreements.of(request.form)
            outcome = await self._try(request, draft, used)
            if isinstance(outcome, ChatReply):
                self._confirm(request, used)
                return outcome
            if isinstance(outcome, Failed):
                return await self._without_format(request, draft, used, outcome)
            async with self._deciding[request.form]:
                current = self.agreements.of(request.form)
                if replace(current, confirmed=used.confirmed) == used:
                    return await self._agree(request, draft, current, outcome)

    async def _agree(
        self, request: ChatRequest, draft: Draft, agreement: Agreement, refusal: ServerError
    ) -> ChatReply | Failed:
        """The reply in the first spelling that the server takes, which then is the agreement."""
        error = refusal
        for _ in range(_MAX_ROUNDS):
            tokens = _limit(request, draft, agreement)
            sent = Sent(agreement, tokens, len(_kept(request.parts, draft.left_out, agreement.images)))
            fewer = fewer_tokens(error, sent)
            if fewer is not None and fewer[1]:
                agreement = replace(agreement, tokens=fewer[0])
            elif fewer is not None:
                draft = replace(draft, tokens=fewer[0])
            else:
                agreed = concession(error, sent)
                if agreed is None:
                    break
                agreement = agreed
            outcome = await self._try(request, draft, agreement)
            if isinstance(outcome, ChatReply):
                self.agreements.put(request.form, replace(agreement, confirmed=True))
                return outcome
            if isinstance(outcome, Failed):
                return outcome
            error = outcome
        raise RefusedRequest(refusal)

    async def _without_format(
        self, request: ChatRequest, draft: Draft, used: Agreement, failure: Failed
    ) -> ChatReply | Failed:
        """Once without a response format, which may be what the server fails at, if the form was never answered."""
        if failure.reason != "server_error" or used.confirmed or used.level == "none":
            return failure
        bare = replace(used, level="none")
        outcome = await self._try(request, replace(draft, attempts=1), bare)
        if not isinstance(outcome, ChatReply):
            return failure
        self.agreements.put(request.form, replace(bare, confirmed=True))
        return outcome

    async def _try(self, request: ChatRequest, draft: Draft, agreement: Agreement) -> ChatReply | Failed | ServerError:
        kept = _kept(request.parts, draft.left_out, agreement.images)
        left_out = tuple(dict.fromkeys(p.image_id for p in _images(request.parts) if p.image_id not in kept))
        pixels = draft.max_pixels or request.sampling.max_pixels
        if agreement.streamed and self.endpoint.asks_in_batches and not draft.directly:
            agreement = replace(agreement, streamed=False)  # the results of a batch are never streams
        message = await chat_message(request, self._uris, pixels, left_out)
        body = request_body(request, message, agreement, _limit(request, draft, agreement))
        try:
            outcome = await self.endpoint.send(body, draft.attempts, directly=draft.directly)
        except RefusedRequest as refusal:
            return refusal.error
        except NotAnsweredError as missing:
            raise NotAnsweredError(missing.content, left_out) from None
        return replace(outcome, left_out=left_out) if isinstance(outcome, ChatReply) and left_out else outcome

    def _confirm(self, request: ChatRequest, used: Agreement) -> None:
        current = self.agreements.of(request.form)
        if not current.confirmed and current == used:
            self.agreements.put(request.form, replace(used, confirmed=True))


def is_usable(request: ChatRequest, reply: ChatReply) -> bool:
    """Whether a reply that was cut off holds what was asked for."""
    if request.form == "pairs":
        return bool(parse_pairs(reply.text, reply.truncated))
    if request.form == "options":
        return len(parse_options(reply.text) or ()) >= request.limit
    return parse_answer(reply.text) is not None


def _larger(request: ChatRequest, *, reasons: bool) -> int:
    tokens = _TIMES * request.sampling.tokens
    return max(tokens, _REASONING_TOKENS) if reasons else tokens


def _limit(request: ChatRequest, draft: Draft, agreement: Agreement) -> int:
    tokens = draft.tokens or request.sampling.tokens
    return tokens if agreement.tokens is None else min(tokens, agreement.tokens)


def _cut_off(limit: int, before: int | None = None) -> Failed:
    first = "" if before is None else f", and before at {before}"
    return Failed("unparsable", f"cut off at the limit of {limit} tokens{first}, with nothing usable")


def _images(parts: tuple[PromptPart, ...]) -> list[VlmImage]:
    return [part for part in parts if isinstance(part, VlmImage)]


def _kept(parts: tuple[PromptPart, ...], left_out: frozenset[str], most: int | None) -> list[str]:
    """Ids of the images that are sent: the first ones if the server takes only so many, each as often as it occurs."""
    shown = [image.image_id for image in _images(parts) if image.image_id not in left_out]
    kept: list[str] = []
    for image_id in dict.fromkeys(shown):
        count = shown.count(image_id)
        if most is None or len(kept) + count <= most:
            kept += [image_id] * count
    return kept

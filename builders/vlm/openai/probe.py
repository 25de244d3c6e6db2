"""Whether a server answers at all, by one tiny request with and one without a picture."""

from __future__ import annotations

import asyncio
from io import BytesIO

from nyxqa.builders.vlm.openai.endpoint import RefusedRequest
from nyxqa.builders.vlm.openai.images import MIN_SIDE
from nyxqa.builders.vlm.openai.negotiation import Draft, Negotiation
from nyxqa.builders.vlm.openai.request import ChatReply, ChatRequest, ResponseForm, Sampling
from nyxqa.builders.vlm.prompt import PromptPart, load_prompt
from nyxqa.builders.vlm.protocol import Failed, VlmImage
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import image_id

_TEXT = "The mill of Tollamere was built in 1911 and has four sails."
_TOKENS = 256
_ATTEMPTS = 3
# How the detail begins of an answer without text, and of a connection that broke: other requests may be answered.
_UNUSABLE = ("a choice", "RemoteProtocolError", "ReadError")


class Probe:
    """Asks a model once for text, and once about a picture.

    :param vision: Whether a picture was taken; None while that is not known.
    """

    def __init__(self, negotiation: Negotiation, model: str, max_pixels: int, seed: int) -> None:
        self.vision: bool | None = None
        self._negotiation, self._model = negotiation, model
        self._sampling = Sampling(_TOKENS, max_pixels, seed)
        self._tried: dict[ResponseForm, asyncio.Lock] = {}

    async def text(self) -> ChatReply | None:
        """The reply to a short text; None if the server works and only this text got no answer.

        :raises WorldError: If the server does not work.
        """
        endpoint = self._negotiation.endpoint
        attempts = min(_ATTEMPTS, endpoint.retry_policy.attempts)
        try:
            outcome = await self._negotiation.negotiated(
                self._request([_TEXT]), Draft(attempts=attempts, directly=True)
            )
        except RefusedRequest as refusal:
            raise WorldError(
                f"{endpoint.shown_url} refuses every form of request to {self._model} "
                f"({refusal.error.detail}); check MODEL and the server"
            ) from None
        if isinstance(outcome, ChatReply):
            return outcome
        if outcome.reason == "refused" or outcome.detail.startswith(_UNUSABLE):
            return None
        raise WorldError(
            f"{attempts} consecutive requests got no answer from {self._model}: "
            f"{outcome.reason} ({outcome.detail}); check the server and run again"
        )

    async def picture(self) -> ChatReply | None:
        """The reply to a text with a picture; None if the server failed at it for another reason than the picture.

        :raises WorldError: If the model takes no pictures.
        """
        endpoint = self._negotiation.endpoint
        try:
            outcome: ChatReply | Failed = await self._negotiation.negotiated(
                self._request([f"{_TEXT} <image1>", probe_picture()]), Draft(attempts=1, directly=True)
            )
        except RefusedRequest as refusal:
            raise WorldError(
                f"{self._model} at {endpoint.shown_url} takes no pictures ({refusal.error.detail}); use a model with "
                "vision, or leave out documents with pictures: filters.corpus = [\"kind = 'text'\"]"
            ) from None
        if isinstance(outcome, Failed):
            return None
        self.vision = True
        return outcome

    async def form(self, form: ResponseForm) -> ChatReply | None:
        """The reply to a short text in a form that was never answered, so that its spelling is agreed before a batch.

        It is asked once; None if it was, or if the server does not answer it.
        """
        if self._negotiation.agreements.of(form).confirmed:
            return None
        first = form not in self._tried
        async with self._tried.setdefault(form, asyncio.Lock()):
            if not first:
                return None
            try:
                outcome = await self._negotiation.negotiated(self._of_form(form), Draft(attempts=1, directly=True))
            except RefusedRequest:
                return None
            return outcome if isinstance(outcome, ChatReply) else None

    def _of_form(self, form: ResponseForm) -> ChatRequest:
        if form == "pairs":
            return self._request([_TEXT])
        slots = {"documents": [_TEXT], "question": "When was the mill built?", "answer": "1911", "count": "3"}
        prompt = load_prompt("answer" if form == "answer" else "distractors")
        return ChatRequest(prompt, form, prompt.fill(**slots), self._sampling, 1 if form == "answer" else 3)

    def _request(self, document: list[PromptPart]) -> ChatRequest:
        prompt = load_prompt("questions")
        return ChatRequest(prompt, "pairs", prompt.fill(document=document, count="1"), self._sampling)


def probe_picture() -> VlmImage:
    """A blue square."""
    from PIL import Image

    buffer = BytesIO()
    Image.new("RGB", (4 * MIN_SIDE, 4 * MIN_SIDE), "blue").save(buffer, "PNG")
    return VlmImage(image_id(buffer.getvalue()), "a blue square", buffer.getvalue())

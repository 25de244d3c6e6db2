"""What the servers of a model can do, found out by asking each of them a few times."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from nyxqa.builders.vlm.openai.connection import Connection
from nyxqa.builders.vlm.openai.endpoint import Endpoint, RefusedRequest
from nyxqa.builders.vlm.openai.images import DataUris
from nyxqa.builders.vlm.openai.limits import EndpointPolicy, Usage
from nyxqa.builders.vlm.openai.messages import chat_message, request_body
from nyxqa.builders.vlm.openai.names import split_urls
from nyxqa.builders.vlm.openai.negotiation import is_usable
from nyxqa.builders.vlm.openai.probe import probe_picture
from nyxqa.builders.vlm.openai.provider import OpenAiProvider
from nyxqa.builders.vlm.openai.request import ChatReply, ChatRequest, ResponseForm, Sampling
from nyxqa.builders.vlm.openai.transport import TransientError, UnboundedAnswerError, UnreachableError
from nyxqa.builders.vlm.prompt import PromptPart, load_prompt
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import VlmSection

_SEED = 42
_ATTEMPTS = 3
_MAX_PICTURES = 16  # pictures of one prompt that are tried
_SENTENCE = "The bridge of Tollamere was opened in {} and is 210 metres long. "
_LONG, _SHORT = 600, 60  # sentences of a long and of a short prompt
_READ_WHOLE = 0.8  # share of the expected tokens from which a long prompt counts as read whole
_CONTEXT_KEYS = ("max_model_len", "context_length", "max_context_length", "context_window", "n_ctx", "n_ctx_train")
_FORMS: dict[ResponseForm, str] = {"pairs": "questions", "answer": "answer", "options": "distractors"}


@dataclass
class ServerReport:
    """What one server can do; what was not found out is None, with the reason in ``notes``.

    :param models: Names of the models that it lists.
    :param json_schema: By form of answer, how it is asked for: a level of ``Agreement``, and whether it was obeyed.
    :param pictures: Largest number of pictures in a prompt that was taken, at most 16.
    :param context: Length of the context in tokens, as the server reports it.
    :param long_prompt: Prompt tokens that it counted in a prompt of ``long_expected`` tokens.
    :param tokens_a_second: Tokens of one answer over the seconds it took.
    """

    url: str
    model: str
    models: list[str] = field(default_factory=list)
    json_schema: dict[str, dict[str, Any]] = field(default_factory=dict)
    vision: bool | None = None
    pictures: int | None = None
    context: int | None = None
    long_prompt: int | None = None
    long_expected: int | None = None
    tokens_a_second: float | None = None
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The report for a terminal."""
        obeyed = {True: "", False: " (not obeyed)"}
        forms = ", ".join(f"{form}: {one['level']}{obeyed[one['obeyed']]}" for form, one in self.json_schema.items())
        vision = {True: "yes", False: "no", None: "not found out"}[self.vision]
        pictures = "" if not self.pictures else f", {_at_least(self.pictures, _MAX_PICTURES)} pictures a prompt"
        speed = "not reported" if self.tokens_a_second is None else f"{self.tokens_a_second:.1f}"
        lines = [
            f"{self.model} at {self.url}",
            f"  JSON            {forms or 'not found out'}",
            f"  vision          {vision}{pictures}",
            f"  context length  {'not reported' if self.context is None else f'{self.context:,} tokens'}",
            f"  tokens/s        {speed} (one request at a time)",
            *(f"  note            {note}" for note in self.notes),
        ]
        return "\n".join(lines) + "\n"


def serve_check(spec: str) -> list[ServerReport]:
    """A report on each server of the model ``openai:MODEL@URL[,URL2]``.

    :raises UsageError: If ``spec`` has another form.
    :raises WorldError: If a server does not answer, or refuses the key or the model.
    """
    provider = OpenAiProvider.parse(spec)
    return [asyncio.run(_Check(provider.model, url).report()) for url in split_urls(provider.url)]


def as_json(reports: list[ServerReport]) -> str:
    """One JSON object on one line."""
    return json.dumps({"servers": [asdict(report) for report in reports]}, ensure_ascii=False) + "\n"


class _Check:
    def __init__(self, model: str, url: str) -> None:
        key = os.environ.get("NYXQA_API_KEY") or os.environ.get("OPENAI_API_KEY") or ""
        pixels = VlmSection.model_fields["max_pixels"].default
        self._endpoint = Endpoint(model, url, key, 1, EndpointPolicy(attempts=_ATTEMPTS), Usage())
        self._connection = Connection(self._endpoint, None, pixels, _SEED)
        self._sampling = Sampling(256, pixels, _SEED)
        self._report = ServerReport(self._endpoint.shown_url, model)

    async def report(self) -> ServerReport:
        """Ask everything, one thing after the other."""
        try:
            await self._connection.probe.text()  # a server that does not answer ends the command here
            await self._list_models()
            for form, name in _FORMS.items():
                await self._try_form(form, name)
            await self._try_pictures()
            await self._try_long_prompt()
        finally:
            await self._connection.close()
        self._report.notes += self._connection.agreements.drain()
        return self._report

    async def _list_models(self) -> None:
        try:
            response = await self._endpoint.get("/models")
            listed = json.loads(response.body)["data"]
            own = next((one for one in listed if one["id"] == self._report.model), listed[0] if listed else {})
            self._report.models = [str(one["id"]) for one in listed]
            self._report.context = _context(own)
        except (ValueError, KeyError, TypeError, TransientError, UnboundedAnswerError, UnreachableError):
            self._report.notes.append("the server does not list its models")
            return
        if not listed:
            self._report.notes.append("the server does not list its models")
        elif self._report.model not in self._report.models:
            self._report.notes.append(f"the server does not list {self._report.model}, and yet answers for it")

    async def _try_form(self, form: ResponseForm, name: str) -> None:
        """Ask for an answer of one form, as a build does."""
        request = self._request(form, name, [_SENTENCE.format(1902)])
        started = time.perf_counter()
        try:
            outcome = await self._connection.send(request)
        except WorldError as error:
            outcome = Failed("refused_request", str(error))
        elapsed = time.perf_counter() - started
        if isinstance(outcome, Failed):
            self._report.notes.append(f"{form}: {outcome.reason} ({outcome.detail})")
            return
        level = self._connection.agreements.of(form).level
        self._report.json_schema[form] = {"level": level, "obeyed": is_usable(request, outcome)}
        if outcome.completion_tokens and form == "pairs":
            self._report.tokens_a_second = round(outcome.completion_tokens / elapsed, 2)

    async def _try_pictures(self) -> None:
        """Double the number of pictures of a prompt until it is refused."""
        try:
            taken = await self._connection.probe.picture()
        except WorldError as error:
            self._report.vision, self._report.pictures = False, 0
            self._report.notes.append(str(error))
            return
        if taken is None:
            self._report.notes.append("the server failed at a picture, perhaps for another reason than the picture")
            return
        self._report.vision, self._report.pictures = True, 1
        count = 2
        while count <= _MAX_PICTURES:
            outcome = await self._sent([part for n in range(count) for part in (f"<image{n + 1}>", probe_picture())])
            if not isinstance(outcome, ChatReply):
                self._report.notes.append(f"{count} pictures: {outcome.detail}")
                return
            self._report.pictures, count = count, 2 * count

    async def _try_long_prompt(self) -> None:
        """Compare the tokens of a long prompt with what a short one lets expect: some servers cut it silently."""
        counts, characters = [], []
        for sentences in (_SHORT, _LONG):
            document = "".join(_SENTENCE.format(1000 + n) for n in range(sentences))
            characters.append(len(load_prompt("questions").text) + len(document))
            outcome = await self._sent([document])
            if not isinstance(outcome, ChatReply):
                self._report.notes.append(f"a prompt of {sentences} sentences: {outcome.detail}")
                return
            counts.append(outcome.prompt_tokens)
        short, self._report.long_prompt = counts
        self._report.long_expected = expected = round(short * characters[1] / characters[0])
        if not short:
            self._report.notes.append("the server does not count tokens, so that a cut prompt would not be noticed")
        elif counts[1] < _READ_WHOLE * expected:
            self._report.notes.append(
                f"a prompt of about {expected:,} tokens was read as {counts[1]:,}: the server cuts long prompts "
                "silently; raise its context length (docs/models.md)"
            )

    async def _sent(self, document: list[PromptPart]) -> ChatReply | Failed:
        """The outcome of a request in the spelling that was agreed on, which is not changed."""
        request = self._request("pairs", "questions", document)
        agreement = self._connection.agreements.of("pairs")
        message = await chat_message(request, DataUris(), self._sampling.max_pixels)
        body = request_body(request, message, agreement, self._sampling.tokens)
        try:
            return await self._endpoint.send(body, 1)
        except RefusedRequest as refusal:
            return Failed("refused_request", refusal.error.detail)
        except WorldError as error:
            return Failed("refused_request", str(error))

    def _request(self, form: ResponseForm, name: str, document: list[PromptPart]) -> ChatRequest:
        prompt = load_prompt(name)
        slots = {"document": document, "documents": document, "count": "3", "answer": "210 metres"}
        filled = prompt.fill(**slots, question="How long is the bridge of Tollamere?")
        return ChatRequest(prompt, form, filled, self._sampling, 3)


def _context(model: dict[str, Any]) -> int | None:
    """The length of the context in a model's entry, under any of the names that servers use."""
    places = [model, *(value for value in model.values() if isinstance(value, dict))]
    lengths = (place.get(key) for key in _CONTEXT_KEYS for place in places)
    return next((length for length in lengths if isinstance(length, int) and length > 0), None)


def _at_least(count: int, most: int) -> str:
    return f"at least {count}" if count >= most else str(count)

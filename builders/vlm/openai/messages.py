"""The body of a chat completion request: text and images in the order of their placeholders, as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from nyxqa.builders.vlm.openai.agreement import Agreement
from nyxqa.builders.vlm.openai.images import DataUris, TooLargeError
from nyxqa.builders.vlm.openai.request import ChatRequest, ResponseForm, response_schema
from nyxqa.builders.vlm.prompt import PromptPart, merge_text_parts
from nyxqa.builders.vlm.protocol import VlmImage

Message = dict[str, Any]


async def chat_message(
    request: ChatRequest, uris: DataUris, max_pixels: int, left_out: Collection[str] = ()
) -> Message:
    """The message of a request, made in another thread if an image has to be encoded again.

    :param left_out: Ids of images in whose place their captions are sent.
    :raises ImageDecodeError: If the bytes of an image are not an image.
    :raises OSError: If an image cannot be read.
    """
    parts = _without(request.parts, left_out)
    try:
        return {"role": "user", "content": _content(parts, uris, max_pixels, shrink=False)}
    except TooLargeError:
        content = await asyncio.to_thread(_content, parts, uris, max_pixels, shrink=True)
        return {"role": "user", "content": content}


def request_body(request: ChatRequest, message: Message, agreement: Agreement, tokens: int) -> Body:
    """The body without the model, spelled as agreed with the server.

    :param tokens: Maximum number of tokens of the answer.
    """
    sampling = request.sampling
    return Body(
        message,
        _rest(request.form, request.limit, request.long, sampling.temperature, sampling.seed, agreement, tokens),
    )


@lru_cache(maxsize=64)
def _rest(
    form: ResponseForm, limit: int, long: bool, temperature: float, seed: int, agreement: Agreement, tokens: int
) -> str:
    """What is the same in all bodies of one form."""
    rest: dict[str, Any] = {}
    if agreement.limit:
        rest[agreement.limit] = tokens
    sampling = {"temperature": temperature, "seed": seed}
    rest |= {name: value for name, value in sampling.items() if name not in agreement.omitted}
    if agreement.streamed:
        rest["stream"] = True
    return json.dumps(rest | response_format(form, limit, agreement, long))


def response_format(form: ResponseForm, limit: int, agreement: Agreement, long: bool = False) -> dict[str, Any]:
    """The part of the body that asks for JSON."""
    level = agreement.level
    if level == "none":
        return {}
    if level == "object":
        return {"response_format": {"type": "json_object"}}
    schema: dict[str, Any] = {"name": form}
    if level != "plain":
        schema["strict"] = True
    schema["schema"] = response_schema(form, limit, level, long)
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _without(parts: tuple[PromptPart, ...], left_out: Collection[str]) -> tuple[PromptPart, ...]:
    if not left_out:
        return parts
    return merge_text_parts(
        f"({part.caption or 'a picture that is not shown'})"
        if isinstance(part, VlmImage) and part.image_id in left_out
        else part
        for part in parts
    )


def _content(
    parts: tuple[PromptPart, ...], uris: DataUris, max_pixels: int, *, shrink: bool
) -> str | list[dict[str, Any]]:
    """The content of the message; a plain string without images, as servers of text models expect."""
    if all(isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": uris.of(part, max_pixels, shrink=shrink)}}
        for part in parts
    ]


@dataclass(frozen=True, slots=True)
class Body:
    """A body without its model.

    :param message: Its content is a string or a list of parts.
    :param rest: Everything else as the JSON of an object.
    """

    message: Message
    rest: str


def body_json(model: str, body: Body) -> bytes:
    """``body`` with the model as JSON in UTF-8."""
    tail = f"], {body.rest[1:]}" if body.rest != "{}" else "]}"
    return b"".join((_head(model), _message_json(body.message), tail.encode("ascii")))


@lru_cache(maxsize=8)
def _head(model: str) -> bytes:
    return f'{{"model": {quoted(model)}, "messages": ['.encode("ascii")


def _message_json(message: Message) -> bytes:
    head, content = f'{{"role": {quoted(message["role"])}, "content": ', message["content"]
    if isinstance(content, str):
        return f"{head}{quoted(content)}}}".encode("ascii")
    return b"".join((head.encode("ascii"), b"[", b", ".join(map(_part_json, content)), b"]}"))


def _part_json(part: dict[str, Any]) -> bytes:
    text, address = part.get("text"), part.get("image_url")
    if text is not None:
        return f'{{"type": "text", "text": {quoted(text)}}}'.encode("ascii")
    if address is None or list(address) != ["url"] or not address["url"].startswith("data:image/"):
        return json.dumps(part).encode("ascii")
    # A data URI is ASCII without quotes and backslashes.
    return b"".join((b'{"type": "image_url", "image_url": {"url": "', address["url"].encode("ascii"), b'"}}'))

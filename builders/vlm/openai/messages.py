"""The body of a chat completion request: text and images in the order of their placeholders, and its JSON schema."""

from __future__ import annotations

import asyncio
from typing import Any

from nyxqa.builders.vlm.openai.images import DataUris, TooLargeError
from nyxqa.builders.vlm.openai.request import ChatRequest, response_schema
from nyxqa.builders.vlm.prompt import PromptPart

RESPONSE_FORMATS = 3  # json_schema with bounds, json_schema without, none


async def request_body(request: ChatRequest, uris: DataUris) -> dict[str, Any]:
    """The body without model and response format, made in another thread if an image has to be shrunk.

    :raises OSError: If an image cannot be read.
    """
    try:
        return _body(request, uris, shrink=False)
    except TooLargeError:
        return await asyncio.to_thread(_body, request, uris, shrink=True)


def response_format(request: ChatRequest, number: int) -> dict[str, Any]:
    """The part of the body that asks for JSON.

    :param number: 0 with length bounds, 1 without them, 2 empty: servers differ in what they accept.
    """
    if number == RESPONSE_FORMATS - 1:
        return {}
    schema = {"name": request.form, "strict": True, "schema": response_schema(request, bounded=number == 0)}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _body(request: ChatRequest, uris: DataUris, *, shrink: bool) -> dict[str, Any]:
    sampling = request.sampling
    return {
        "messages": [{"role": "user", "content": _content(request.parts, uris, sampling.max_pixels, shrink)}],
        "max_tokens": sampling.tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
    }


def _content(
    parts: tuple[PromptPart, ...], uris: DataUris, max_pixels: int, shrink: bool
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

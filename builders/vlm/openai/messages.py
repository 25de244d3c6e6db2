"""The body of a chat completion: text and images in the order of their placeholders."""

from __future__ import annotations

from typing import Any

from nyxqa.builders.vlm.openai.images import DataUris
from nyxqa.builders.vlm.openai.request import ChatRequest
from nyxqa.builders.vlm.prompt import PromptPart


def body_of(request: ChatRequest, uris: DataUris, *, shrink: bool) -> dict[str, Any]:
    """What is sent besides the model's name and the response format.

    :raises OSError: If an image cannot be read.
    :raises TooLargeError: If an image is beyond the budget and ``shrink`` is false.
    """
    sampling = request.sampling
    return {
        "messages": [{"role": "user", "content": content_of(request.parts, uris, sampling.max_pixels, shrink)}],
        "max_tokens": sampling.tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
    }


def content_of(
    parts: tuple[PromptPart, ...], uris: DataUris, max_pixels: int, shrink: bool
) -> str | list[dict[str, Any]]:
    """The content of a message; plain text without images, as servers of text models want it."""
    if all(isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": uris.of(part, max_pixels, shrink=shrink)}}
        for part in parts
    ]

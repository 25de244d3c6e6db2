"""The body of a request as JSON; data URIs, which make up most of it, are copied rather than searched for escapes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

Message = dict[str, Any]


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

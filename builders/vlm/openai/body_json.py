"""The body of a request as JSON; data URIs, which make up most of it, are copied rather than searched for escapes."""

from __future__ import annotations

import json
from typing import Any


def body_json(model: str, body: dict[str, Any]) -> bytes:
    """``body`` with the model as JSON in UTF-8.

    :param body: Without ``model``; its messages have as content a string or a list of parts.
    """
    rest = {name: value for name, value in body.items() if name != "messages"}
    messages = b", ".join(map(_message_json, body["messages"]))
    head = json.dumps({"model": model})[:-1].encode("ascii")
    tail = json.dumps(rest)[1:].encode("ascii")
    return b"".join((head, b', "messages": [', messages, b"], " if rest else b"]", tail))


def _message_json(message: dict[str, Any]) -> bytes:
    content = message["content"]
    if isinstance(content, str):
        return json.dumps(message).encode("ascii")
    head = json.dumps({name: value for name, value in message.items() if name != "content"})[:-1].encode("ascii")
    parts = b", ".join(map(_part_json, content))
    return b"".join((head, b', "content": [', parts, b"]}"))


def _part_json(part: dict[str, Any]) -> bytes:
    address = part.get("image_url")
    if address is None or not address["url"].startswith("data:image/"):
        return json.dumps(part).encode("ascii")
    rest = {name: value for name, value in address.items() if name != "url"}
    tail = json.dumps(rest)[1:].encode("ascii")
    # A data URI is ASCII without quotes and backslashes.
    uri = address["url"].encode("ascii")
    return b"".join((b'{"type": "image_url", "image_url": {"url": "', uri, b'", ' if rest else b'"', tail, b"}"))

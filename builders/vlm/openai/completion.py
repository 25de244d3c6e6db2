"""A chat completion as a server returns it: its single choice, or why it cannot be used."""

from __future__ import annotations

import json
from typing import Any

from nyxqa.builders.vlm.openai.request import ChatReply
from nyxqa.builders.vlm.openai.transport import TransientError
from nyxqa.builders.vlm.protocol import Failed


def read_completion(body: bytes) -> ChatReply | Failed:
    """The single choice of a completion, or the model's refusal.

    :raises TransientError: If the body is not a completion with exactly one choice that has text.
    """
    try:
        value = json.loads(body)
        choices = value["choices"]
        message = choices[0]["message"]
        content, finish = message.get("content"), choices[0].get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise TransientError("bad_answer", "an answer that is no chat completion") from None
    if len(choices) != 1:
        raise TransientError("bad_answer", f"{len(choices)} choices instead of one")
    if message.get("refusal") or finish == "content_filter":
        return Failed("refused", "the model or its filter refused")
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise TransientError("bad_answer", "a choice without text")
    usage = value.get("usage") or {}
    text = content.encode("utf-8", "replace").decode("utf-8")
    return ChatReply(text, finish == "length", _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))


def _count(usage: Any, name: str) -> int:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and count > 0 else 0

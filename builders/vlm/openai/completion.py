"""A chat completion as servers return it: its single choice, or why it cannot be used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nyxqa.builders.vlm.openai.request import ChatReply
from nyxqa.builders.vlm.openai.server_text import ServerError, error_in_completion
from nyxqa.builders.vlm.openai.transport import TransientError
from nyxqa.builders.vlm.protocol import Failed

REFUSED = Failed("refused", "the model or its filter refused")
_CUT = frozenset({"length", "max_tokens", "model_length", "max_output_tokens", "token_limit"})
_FILTERED = frozenset(
    {"content_filter", "safety", "recitation", "prohibited_content", "blocklist", "spii", "sensitive"}
)
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
_MAX_COUNT = 2**40  # tokens; a larger number is not a count


def read_completion(body: bytes, secrets: Sequence[str] = ()) -> ChatReply | Failed | ServerError:
    """The single choice of a completion, the model's refusal, or the error that came in its place.

    Reasoning beside the text is left out. A choice that was cut off before its text has an empty one.

    :raises TransientError: If the body is not a completion with exactly one choice that has text.
    """
    value = _load(body)
    error = error_in_completion(value, secrets)
    if error is not None:
        return error
    try:
        choices = value["choices"]
        choice = choices[0]
        message = choice.get("message") or choice.get("delta") or {"content": choice["text"]}
        content, finish = _text(message), str(choice.get("finish_reason") or "").lower()
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise TransientError("bad_answer", "a response that is not a chat completion") from None
    if len(choices) != 1:
        raise TransientError("bad_answer", f"{len(choices)} choices instead of one")
    if message.get("refusal") or finish in _FILTERED:
        return REFUSED
    truncated = finish in _CUT
    if content is None or (not content.strip() and not truncated):
        if not truncated:
            raise TransientError("bad_answer", _without_text(message))
        content = ""
    usage = value.get("usage")
    text = content.encode("utf-8", "replace").decode("utf-8")
    return ChatReply(text, truncated, _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))


def _without_text(message: dict[str, Any]) -> str:
    reasons = any(message.get(name) for name in _REASONING)
    return "a choice that holds reasoning and no text" if reasons else "a choice without text"


def _load(body: bytes) -> Any:
    text = body.decode("utf-8-sig", "replace").strip()
    if text.startswith(("data:", ":", "event:", "id:")):
        return _joined(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _joined(stream: str) -> Any:
    """The completion whose pieces a stream of server-sent events holds; None if it ended before the answer did."""
    pieces: list[str] = []
    message: dict[str, Any] = {}
    whole: dict[str, Any] = {}
    done, finish = False, None
    for line in stream.splitlines():
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data == "[DONE]":
            done = True
        if not data.startswith("{"):
            continue
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return None
        if event.get("error") or not isinstance(event.get("choices", []), list):
            return event
        whole["usage"] = event.get("usage") or whole.get("usage")
        for choice in (event.get("choices") or [])[:1]:
            delta = choice.get("delta") or choice.get("message") or {}
            pieces.append(_text(delta) or "")
            message |= {name: delta[name] for name in (*_REASONING, "refusal") if delta.get(name)}
            finish = choice.get("finish_reason") or finish
    if not done and finish is None:
        return None
    message["content"] = "".join(pieces)
    return whole | {"choices": [{"message": message, "finish_reason": finish}]}


def _text(message: dict[str, Any]) -> str | None:
    """The text of a message: a string, parts of type text, an object, or the arguments of a call of a tool."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [
            part for part in content if isinstance(part, dict) and part.get("type", "text") in ("text", "output_text")
        ]
        return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    if isinstance(content, dict):
        return json.dumps(content, ensure_ascii=False)
    if isinstance(content, str) and content:
        return content
    calls = message.get("tool_calls")
    if isinstance(calls, list) and len(calls) == 1:
        arguments = calls[0]["function"]["arguments"]
        return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return content if isinstance(content, str) else None


def _count(usage: Any, name: str) -> int:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and 0 < count < _MAX_COUNT else 0

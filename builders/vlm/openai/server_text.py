"""What a server says: a chat completion, why it cannot be used, or its sentence in an error, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nyxqa.builders.vlm.openai.request import ChatReply
from nyxqa.builders.vlm.openai.scalars import tidy
from nyxqa.builders.vlm.openai.transport import TransientError
from nyxqa.builders.vlm.protocol import Failed

_MAX_SHOWN = 240  # characters of the sentence in a message or in the ledger
_MAX_READ = 20_000  # characters of an error that are looked at
_MESSAGE_KEYS = ("message", "msg", "detail", "error", "error_message", "errors", "reason", "title", "metadata", "raw")
_CODE_KEYS = ("code", "type", "param", "error_type", "status", "loc", "retryDelay", "estimated_time", "details")
_AROUND = {"retryDelay": ("retrydelay: ", ""), "estimated_time": ("estimated_time: ", " s")}
_CREDENTIAL = re.compile(
    r"(?:\b(?:sk|pk|gsk|hf|xai|nvapi|or|key|ghp)[-_][\w*.\-]{4,}|\bAIza[\w*\-]{8,}|\b(?:Bearer|Basic)\s+\S+"
    r"|(?<=://)[^/\s@]{1,200}@|\bdata:[\w/+.-]{1,80};base64,\S*|[A-Za-z0-9+/=_\-]{80,})",
    re.IGNORECASE,
)

REFUSED = Failed("refused", "the model or its filter refused")
_CUT = frozenset({"length", "max_tokens", "model_length", "max_output_tokens", "token_limit"})
_FILTERED = frozenset(
    {"content_filter", "safety", "recitation", "prohibited_content", "blocklist", "spii", "sensitive"}
)
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
_MAX_COUNT = 2**40  # tokens; a larger number is not a count


@dataclass(frozen=True, slots=True)
class ServerError:
    """An error as a server reports it.

    :param status: HTTP status, or the code inside a body that came with status 200.
    :param message: One line of at most 240 characters; empty if the server says nothing readable.
    :param text: Message, code, type and parameter in lower case, for recognising the kind of error.
    """

    status: int
    message: str
    text: str

    @property
    def detail(self) -> str:
        """Status and message."""
        return f"HTTP {self.status}: {self.message}" if self.message else f"HTTP {self.status}"

    @property
    def saying(self) -> str:
        """The message as the end of a sentence; empty if there is none."""
        return f"; the server says: {self.message}" if self.message else ""


def server_error(status: int, body: bytes, secrets: Sequence[str] = ()) -> ServerError:
    """The error in a response."""
    text = body[: 4 * _MAX_READ].decode("utf-8", "replace").strip("\ufeff \t\r\n")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None if text[:1] in ("<", "{", "[") or not text.isprintable() else text[:_MAX_READ]
    messages = list(dict.fromkeys(tidy(message) for message in _named(value, _MESSAGE_KEYS) if message.strip()))
    codes = list(_named(value, _CODE_KEYS))
    shown = _without_secrets("; ".join(messages), secrets)
    return ServerError(status, _cut(shown), " ".join([*messages, *codes]).lower()[:_MAX_READ])


def error_in_completion(value: Any, secrets: Sequence[str] = ()) -> ServerError | None:
    """The error in a body that came with status 200 in place of an answer; None if there is none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return None
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    error = value.get("error") or (first.get("error") if isinstance(first, dict) else None)
    if error is None and not choices and (value.get("object") == "error" or "message" in value or "msg" in value):
        error = value
    if not error:
        return None
    code = error.get("code") or error.get("status") if isinstance(error, dict) else None
    known = str(code).isdigit() and 400 <= int(str(code)) < 600
    found = server_error(0, json.dumps({"error": error}).encode("utf-8"), secrets)
    asked_wrongly = re.search(r"invalid|bad_?request|unsupported|not supported", found.text) is not None
    return ServerError(int(str(code)) if known else 400 if asked_wrongly else 500, found.message, found.text)


def _named(value: Any, keys: Sequence[str], named: bool = False, depth: int = 0) -> Iterator[str]:
    """Strings and numbers under ``keys``, and a text that is the whole body; never a quote of the request."""
    if depth > 6:
        return
    if isinstance(value, dict):
        if keys is _MESSAGE_KEYS and isinstance(value.get("loc"), list) and isinstance(value.get("msg"), str):
            yield f"{'.'.join(map(str, value['loc'][1:]))}: {value['msg']}"
            return
        for name in (*_MESSAGE_KEYS, *_CODE_KEYS):
            if name in value:
                prefix, suffix = _AROUND.get(name, ("", ""))
                yield from (prefix + said + suffix for said in _named(value[name], keys, name in keys, depth + 1))
    elif isinstance(value, list):
        for item in value[:20]:
            yield from _named(item, keys, named or (depth == 0 and isinstance(item, str)), depth + 1)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        if not (named or (depth == 0 and keys is _MESSAGE_KEYS)):
            return
        inner = _inner_json(value)
        if inner is not None:
            yield from _named(inner, keys, named, depth + 1)
        else:
            yield str(value)


def _inner_json(value: Any) -> Any:
    """The JSON that gateways put, as a string, into the message of their own error."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _without_secrets(text: str, secrets: Sequence[str]) -> str:
    for secret in sorted((s for s in secrets if len(s) > 2), key=len, reverse=True):
        text = text.replace(secret, "[secret]")
        if len(secret) >= 12:  # a server may quote the beginning of a key
            text = re.sub(re.escape(secret[:8]) + r"\S*", "[secret]", text)
    return _CREDENTIAL.sub("[secret]", text)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3].rstrip() + "..."


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

"""What a server says in an error: its sentence, whatever JSON, list or plain text it comes in, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nyxqa.builders.vlm.openai.scalars import tidy

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

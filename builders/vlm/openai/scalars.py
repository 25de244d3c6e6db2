"""What a model meant: its text without reasoning, and JSON values as answers."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from nyxqa.builders.vlm.prompt import QUESTION_TYPES
from nyxqa.schemas.answers import LIST_SEPARATOR

_ABSTENTIONS = frozenset(
    {
        "unknown", "i dont know", "i do not know", "not known", "no answer", "unanswerable", "not answerable",
        "cannot be determined", "cannot be answered", "not enough information", "insufficient information",
        "not specified", "not stated", "not mentioned", "null", "none", "na", "nil", "undefined", "not available",
        "not applicable", "not provided", "nan",
    }
)  # fmt: skip
_VALUE_KEYS = ("answer", "text", "value", "content", "option", "name", "short_answer", "final_answer", "label")
_LABEL = re.compile(r"\s*\(?(?P<label>[A-Za-z]|\d{1,2})[.):]\s+(?=\S)")

_NAMES = "think|thinking|thought|thoughts|reasoning|reason|analysis|reflection|scratchpad|seed:think|longcat_think"
# Tags (DeepSeek, Qwen, EXAONE, Seed, ...), Magistral's brackets, Kimi's marks, marks of Cohere and of Sky-T1, and
# the channels of Gemma 4.
_OPENING = re.compile(
    rf"<(?:{_NAMES})>|\[THINK\]|\u25c1think\u25b7|<\|START_THINKING\|>|<\|begin_of_thought\|>|<\|channel>thought\b",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"</(?:{_NAMES})>|\[/THINK\]|\u25c1/think\u25b7|<\|END_THINKING\|>|<\|end_of_thought\|>|<channel\|>",
    re.IGNORECASE,
)
# gpt-oss: every message names its channel, and only that of channel "final" is the answer. A server that removes
# special tokens leaves "analysis...assistantfinal...".
_CHANNEL = re.compile(
    r"(?:<\|start\|>assistant)?<\|channel\|>(?P<name>\w+)[^<]{0,200}(?:<\|constrain\|>\w+)?<\|message\|>"
)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start)\|>")
_BARE_CHANNEL = re.compile(r"\Aanalysis(?=[^a-z])|\Aanalysis(?=(?:we|the|user|i|need|let|so)\b)", re.IGNORECASE)
_BARE_FINAL = "assistantfinal"
# Granite 3 writes these two headings.
_GRANITE_START, _GRANITE_END = "Here is my thought process:", "Here is my response:"
# Marks around the answer itself.
_MARKS = re.compile(
    r"<\|(?:begin|end)_of_(?:solution|box)\|>|<\|(?:START|END)_RESPONSE\|>|<\|(?:START|END)_TEXT\|>"
    r"|<\|(?:im_end|eot_id|endoftext|end_of_text|return|end)\|>|</s>\s*\Z"
)
_FENCE_START = re.compile(r"\A```[\w-]*\s*")
_ANSWER_OPENING, _ANSWER_CLOSING = re.compile(r"<answer>", re.IGNORECASE), re.compile(r"</answer>", re.IGNORECASE)


def tidy(text: str) -> str:
    """``text`` on one line, without control characters or lone surrogates."""
    if text.isprintable():  # almost always, and then none of these is in it
        return " ".join(text.split())
    valid = text.encode("utf-8", "replace").decode("utf-8")
    printable = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in valid)
    return " ".join(printable.split())


def scalar(value: Any) -> str | None:
    """A JSON value as one answer; empty for null, None for what is not one answer (several items, NaN)."""
    for _ in range(4):
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        elif isinstance(value, dict):
            named = {str(key).strip().lower(): item for key, item in value.items()}
            known = [named[key] for key in _VALUE_KEYS if key in named]
            if not known:
                return None
            value = known[0]
        else:
            break
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return tidy(value)
    if isinstance(value, int):
        return _integer(value)
    return str(value) if isinstance(value, float) and math.isfinite(value) else None


def answer_text(value: Any, several: bool) -> str | None:
    """A JSON value as one answer; a list of items is one too if ``several`` may be named, joined by semicolons."""
    if not several or not isinstance(value, list) or len(value) < 2:
        return scalar(value)
    items = [scalar(item) for item in value]
    return None if None in items else LIST_SEPARATOR.join(item for item in items if item)


def question_type(item: Mapping[str, Any]) -> str:
    """The type that an object of a question names; empty if it names none that is known."""
    named = {str(key).strip().lower(): value for key, value in item.items()}
    plain = re.sub(r"[^a-z]", "", str(scalar(named.get("type")) or "").lower())
    return plain if plain in QUESTION_TYPES else ""


def nuggets_of(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The facts that an object of a question lists."""
    named = {str(key).strip().lower(): value for key, value in item.items()}
    listed = named.get("nuggets")
    found = (scalar(one) for one in (listed if isinstance(listed, list) else [listed]))
    return tuple(dict.fromkeys(one for one in found if one))


def _integer(value: int) -> str | None:
    try:
        return str(value)
    except ValueError:  # more digits than Python prints
        return None


def empty_if_abstention(answer: str) -> str:
    """``answer``; empty if it says that there is none."""
    plain = re.sub(r"[^\w ]", "", answer.lower()).strip()
    return "" if plain in _ABSTENTIONS else answer


def without_labels(options: Sequence[str]) -> list[str]:
    """``options`` without the letters or numbers in front of them, if these count up from the first."""
    matches = [_LABEL.match(option) for option in options]
    labels = [match["label"].upper() for match in matches if match is not None]
    letters = [chr(ord("A") + n) for n in range(len(options))]
    numbers = [str(n + 1) for n in range(len(options))]
    if len(options) < 2 or (labels != letters and labels != numbers):
        return list(options)
    return [option[match.end() :] for option, match in zip(options, matches, strict=True) if match is not None]


def without_reasoning(text: str) -> str:
    """The answer in ``text``; empty if all of it is reasoning.

    What precedes the last closing mark is reasoning even where no mark opens it: many templates put the opening
    mark into the prompt. Text that is JSON as a whole is an answer, whatever its strings say.
    """
    text = text.strip("\ufeff \t\r\n")
    if _is_json(_unfenced(text)):
        return text
    text = _last_channel(text)
    text = _MARKS.sub(" ", _after_reasoning(text)).strip("\ufeff \t\r\n")
    return _inside_answer_tag(text)


def _unfenced(text: str) -> str:
    if not text.startswith("```"):
        return text
    return _FENCE_START.sub("", text, count=1).removesuffix("```").strip()


def _is_json(text: str) -> bool:
    if text[:1] not in ("{", "[", '"'):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _last_channel(text: str) -> str:
    channels = list(_CHANNEL.finditer(text))
    if channels:
        last = channels[-1]
        if last["name"].lower() != "final":
            return ""
        return _CHANNEL_END.split(text[last.end() :], maxsplit=1)[0]
    if _BARE_CHANNEL.match(text) and _BARE_FINAL in text:
        return text.rpartition(_BARE_FINAL)[2]
    if text.startswith(_GRANITE_START):
        return text.partition(_GRANITE_END)[2]
    return text


def _after_reasoning(text: str) -> str:
    """What follows the last closing mark, else what lies outside of complete blocks."""
    end = 0
    for mark in _CLOSING.finditer(text):
        end = mark.end()
    rest = _before_opening(text[end:])
    if rest.strip() or not end:
        return rest
    return _outside_blocks(text)


def _before_opening(text: str) -> str:
    opening = _OPENING.search(text)
    return text if opening is None else text[: opening.start()]


def _outside_blocks(text: str) -> str:
    """Text before the first opening mark; empty if reasoning closes before one opens."""
    opening, closing = _OPENING.search(text), _CLOSING.search(text)
    if opening is None or closing is None or closing.start() < opening.start():
        return ""
    return text[: opening.start()]


def _inside_answer_tag(text: str) -> str:
    """The content of the last ``<answer>``; the text itself if there is none."""
    start = None
    for mark in _ANSWER_OPENING.finditer(text):
        start = mark.end()
    if start is None:
        return text
    closing = _ANSWER_CLOSING.search(text, start)
    return text[start : len(text) if closing is None else closing.start()].strip()

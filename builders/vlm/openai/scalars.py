"""JSON values as answers: what a model meant by a list, an object, "null" or an invalid number."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from nyxqa.builders.vlm.answer_forms import QUESTION_TYPES
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

"""Model answers as values: strict JSON first, then the parts of malformed JSON that are complete.

A repairing JSON parser (json-repair) gives other results: it closes strings that were cut off, so half an answer would
pass for a complete one, it keeps only the last of several objects, and it reads the bracket form as lists of strings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from nyxqa.builders.vlm.openai.lenient_json import (
    bracket_pairs,
    field_values,
    inner_json,
    list_items,
    quoted_items,
    whole_json,
)
from nyxqa.builders.vlm.protocol import QaPair

_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_PAIR_LISTS = ("pairs", "questions", "qa_pairs", "qa", "items", "data", "result", "results")
_QUESTION_KEY = re.compile(r"(?:question|query|q)[ _]?\d*", re.IGNORECASE)
_ANSWER_KEY = re.compile(r"(?:answer|a)[ _]?\d*", re.IGNORECASE)
_ANSWER_LEAD = re.compile(r"^\W*(?:(?:final |short )?answer|a)\s*\d*\W*[:\uff1a]\W*", re.IGNORECASE)
_MAX_ANSWER = 400  # characters; a longer line is prose, not an answer
_ABSTENTIONS = frozenset(
    {
        "unknown", "i dont know", "i do not know", "not known", "no answer", "unanswerable", "not answerable",
        "cannot be determined", "cannot be answered", "not enough information", "insufficient information",
        "not specified", "not stated", "not mentioned",
    }
)  # fmt: skip


def parse_pairs(text: str, truncated: bool = False) -> list[QaPair] | None:
    """Question-answer pairs; None if the text cannot be parsed, empty if the model returned an empty list.

    :param truncated: Whether the answer was cut off; if so, an unclosed last pair is dropped.
    """
    text = _without_thinking(text)
    pairs = _pairs_of(whole_json(text))
    if pairs is not None:
        return pairs
    fragments = [pairs for pairs in map(_pairs_of, inner_json(text)) if pairs is not None]
    from_fragments = [pair for fragment in fragments for pair in fragment]
    from_fields = _valid_pairs(field_values(text))
    best = from_fragments if len(from_fragments) >= len(from_fields) else from_fields
    return best or _valid_pairs(bracket_pairs(text, truncated)) or ([] if fragments else None)


def parse_answer(text: str) -> str | None:
    """A short answer; empty for an abstention or ``null``, None if the text holds no answer."""
    text = _without_thinking(text)
    for value in (whole_json(text), *inner_json(text)):
        if isinstance(value, dict) and "answer" in value:
            return _empty_if_abstention(_scalar(value["answer"]))
        if isinstance(value, str):
            return _empty_if_abstention(tidy(value))
    quoted = quoted_items(text, "answer")
    if quoted:
        return _empty_if_abstention(tidy(quoted[0]))
    if re.search(r"[\"'\u201c]answer[\"'\u201d]\s*:\s*null", text):
        return ""
    lines = [line for line in text.splitlines() if line.strip(" \t`*#")]
    if not lines or re.match(r"\s*[{\[]", lines[0]) or len(lines[0]) > _MAX_ANSWER:
        return None
    bare = tidy(_ANSWER_LEAD.sub("", lines[0])).strip("`*\"' ")
    return _empty_if_abstention(bare) if bare else None


def parse_options(text: str) -> list[str] | None:
    """Options in their order, as written; None if there are none."""
    text = _without_thinking(text)
    for value in (whole_json(text), *inner_json(text)):
        options = _options_of(value)
        if options is not None:
            return options
    items = quoted_items(text, "options") or list_items(text)
    return [option for option in map(tidy, items) if option] or None


def cut_strings(text: str, bound: int) -> frozenset[str]:
    """Strings of the JSON in ``text`` that were cut at the limit of the schema: they are ``bound`` characters long."""
    text = _without_thinking(text)
    cut: set[str] = set()
    values = [whole_json(text), *inner_json(text)]
    while values:
        value = values.pop()
        if isinstance(value, dict | list):
            values.extend(value.values() if isinstance(value, dict) else value)
        elif isinstance(value, str) and len(value) == bound:
            cut.add(tidy(value))
    return frozenset(cut)


def tidy(text: str) -> str:
    """``text`` on one line, without control characters or lone surrogates."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    printable = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in valid)
    return " ".join(printable.split())


def _without_thinking(text: str) -> str:
    return _THINKING.sub(" ", text).strip("\ufeff \t\r\n")


def _pairs_of(value: Any) -> list[QaPair] | None:
    """Pairs of a JSON value in any of the shapes that models write; None for another value."""
    if isinstance(value, dict):
        for name in _PAIR_LISTS:
            if isinstance(value.get(name), list):
                return _pairs_of(value[name])
        fields = list(_fields(value))
        return fields or None
    if not isinstance(value, list):
        return None
    if not value:
        return []
    pairs: list[QaPair] = []
    for item in value:
        if isinstance(item, dict):
            pairs.extend(_fields(item))
        elif isinstance(item, list) and len(item) == 2:
            pair = _pair(_scalar(item[0]), _scalar(item[1]))
            pairs.extend([pair] if pair is not None else [])
    return pairs or None


def _fields(item: dict[str, Any]) -> Iterator[QaPair]:
    """Pairs of an object: its question and answer, or several numbered ones."""
    questions = [key for key in item if _QUESTION_KEY.fullmatch(key.strip())]
    answers = [key for key in item if _ANSWER_KEY.fullmatch(key.strip())]
    for question, answer in zip(questions, answers, strict=False):
        pair = _pair(_scalar(item[question]), _scalar(item[answer]))
        if pair is not None:
            yield pair


def _valid_pairs(pairs: Iterable[tuple[str, str]]) -> list[QaPair]:
    return [pair for pair in (_pair(question, answer) for question, answer in pairs) if pair is not None]


def _pair(question: str, answer: str) -> QaPair | None:
    question, answer = tidy(question), tidy(answer)
    return QaPair(question, answer) if question and answer else None


def _scalar(value: Any) -> str:
    """A JSON scalar as an answer; empty for a list, an object or null."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return tidy(value) if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _empty_if_abstention(answer: str) -> str:
    plain = re.sub(r"[^\w ]", "", answer.lower()).strip()
    return "" if plain in _ABSTENTIONS else answer


def _options_of(value: Any) -> list[str] | None:
    if isinstance(value, dict):
        listed = next((item for item in value.values() if isinstance(item, list)), list(value.values()))
    elif isinstance(value, list):
        listed = value
    else:
        return None
    return [option for option in map(_scalar, listed) if option] or None

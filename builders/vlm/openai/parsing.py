"""Model answers as values: strict JSON first, then the parts of malformed JSON that are complete.

The last complete JSON counts: models draft before they answer. A repairing JSON parser (json-repair) gives other
results: it closes strings that were cut off, so half an answer would pass for a complete one, and it reads the bracket
form as lists of strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from nyxqa.builders.vlm.openai.lenient_json import (
    bracket_pairs,
    field_values,
    inner_json,
    list_items,
    quoted_items,
    repaired_escapes,
    whole_json,
)
from nyxqa.builders.vlm.openai.scalars import (
    answer_text,
    empty_if_abstention,
    nuggets_of,
    question_type,
    scalar,
    tidy,
    without_labels,
    without_reasoning,
)
from nyxqa.builders.vlm.protocol import QaPair

__all__ = ["cut_strings", "parse_answer", "parse_options", "parse_pairs", "parse_question", "tidy"]

_PAIR_LISTS = ("pairs", "questions", "qa_pairs", "qa", "items", "data", "result", "results")
_OPTION_LISTS = ("options", "distractors", "wrong_options", "wrong_answers", "choices", "answers", "items")
_QUESTION_KEY = re.compile(r"(?:question|query|q)[ _]?\d*", re.IGNORECASE)
_ANSWER_KEY = re.compile(r"(?:answer|a)[ _]?\d*", re.IGNORECASE)
_ANSWER_LEAD = re.compile(r"^\W*(?:(?:final |short )?answer\s*\d*|a\d*)[*_`\"']*\s*[:\uff1a]\W*", re.IGNORECASE)
_SIGN = re.compile(r"[-+\u2212\u00b1$\u20ac\u00a3(\[\\]+\Z")
_MAX_ANSWER = 400  # characters; a longer line is prose, not an answer
_MAX_TEXT = 1 << 20  # characters; a longer text is not an answer


def parse_pairs(text: str, truncated: bool = False) -> list[QaPair] | None:
    """Question-answer pairs; None if the text cannot be parsed, empty if the model returned an empty list.

    :param truncated: Whether the answer was cut off; if so, an unclosed last pair is dropped.
    """
    text = _answer_text(text)
    pairs = _pairs_of(whole_json(text))
    if pairs is not None:
        return pairs
    fragments = list(inner_json(text))
    found = [pairs for pairs in map(_pairs_of, fragments) if pairs is not None]
    lists = [pairs for pairs in (_pairs_of(value) for value in fragments if _holds_a_list(value)) if pairs is not None]
    from_fragments = lists[-1] if lists else [pair for pairs in found for pair in pairs]
    from_fields = [] if lists else _valid_pairs(field_values(text))
    best = from_fragments if len(from_fragments) >= len(from_fields) else from_fields
    return best or _valid_pairs(bracket_pairs(text, truncated)) or ([] if found else None)


def parse_answer(text: str, several: bool = False) -> str | None:
    """An answer; empty for an abstention or ``null``, None if the text holds no answer.

    :param several: Whether a list of items is an answer: they are joined by semicolons.
    """
    text = _answer_text(text)
    whole = whole_json(text)
    for value in (whole,) if isinstance(whole, str) else (whole, *reversed(list(inner_json(text)))):
        holds, answer = _answer_of(value, several)
        if holds:
            return None if answer is None else empty_if_abstention(answer)
    quoted = quoted_items(text, "answer")
    if quoted:
        return empty_if_abstention(tidy(quoted[0]))
    if re.search(r"[\"'\u201c]answer[\"'\u201d]\s*:\s*null", text):
        return ""
    return _bare_answer(text)


def parse_question(text: str) -> str:
    """The question beside the answer that ``parse_answer`` reads; "" without one."""
    text = _answer_text(text)
    for value in (whole_json(text), *reversed(list(inner_json(text)))):
        if isinstance(value, dict) and _answer_of(value)[0]:
            named = {key.strip().lower(): item for key, item in value.items()}
            return scalar(named.get("question")) or ""
    return ""


def parse_options(text: str) -> list[str] | None:
    """Options in their order, without labels; None if there are none."""
    text = _answer_text(text)
    for value in (whole_json(text), *reversed(list(inner_json(text)))):
        options = _options_of(value)
        if options is not None:
            return without_labels(options)
    items = quoted_items(text, "options") or list_items(text)
    return without_labels([option for option in map(tidy, items) if option]) or None


def cut_strings(text: str, bound: int) -> frozenset[str]:
    """Strings of the JSON in ``text`` that were cut at the limit of the schema: they are ``bound`` characters long.

    The server counts characters before literal backslashes are restored.
    """
    if len(text) < bound:
        return frozenset()
    return frozenset(tidy(value) for value, raw in _counted_strings(text) if bound in (len(value), len(raw)))


@lru_cache(maxsize=4)
def _counted_strings(text: str) -> tuple[tuple[str, str], ...]:
    """Strings of the JSON in ``text``, and the same as the server counted them; questions and answers ask for both."""
    text = without_reasoning(text)
    restored = list(_strings([whole_json(text), *inner_json(text)]))
    counted = list(_strings([_strict_json(text)])) if repaired_escapes(text) != text else restored
    if len(counted) > len(restored):
        counted = restored
    return tuple(zip(restored, counted, strict=False))


def _strings(values: list[Any]) -> Iterator[str]:
    stack = values[::-1]
    while stack:
        value = stack.pop()
        if isinstance(value, dict | list):
            stack.extend(reversed(list(value.values()) if isinstance(value, dict) else value))
        elif isinstance(value, str):
            yield value


def _strict_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _answer_text(text: str) -> str:
    return without_reasoning(text) if len(text) <= _MAX_TEXT else ""


def _holds_a_list(value: Any) -> bool:
    """Whether a JSON value is meant as all pairs, not as one of them."""
    if isinstance(value, dict):
        return any(isinstance(value.get(name), list) for name in _PAIR_LISTS)
    return isinstance(value, list)


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
            pair = _pair(scalar(item[0]), scalar(item[1]))
            pairs.extend([pair] if pair is not None else [])
    return pairs or None


def _fields(item: dict[str, Any]) -> Iterator[QaPair]:
    """Pairs of an object: its question and answer, or several numbered ones."""
    questions = [key for key in item if _QUESTION_KEY.fullmatch(key.strip())]
    answers = [key for key in item if _ANSWER_KEY.fullmatch(key.strip())]
    for question, answer in zip(questions, answers, strict=False):
        asked = question_type(item) if len(questions) == 1 else ""
        pair = _pair(scalar(item[question]), answer_text(item[answer], several=bool(asked)))
        if pair is not None:
            yield replace(pair, type=asked, nuggets=nuggets_of(item)) if asked else pair


def _valid_pairs(pairs: Iterable[tuple[str, str]]) -> list[QaPair]:
    return [pair for pair in (_pair(question, answer) for question, answer in pairs) if pair is not None]


def _pair(question: str | None, answer: str | None) -> QaPair | None:
    question, answer = tidy(question or ""), tidy(answer or "")
    return QaPair(question, answer) if question and answer else None


def _answer_of(value: Any, several: bool = False) -> tuple[bool, str | None]:
    """Whether a JSON value is meant as an answer, and the answer."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        named = {key.strip().lower(): item for key, item in value.items()}
        return (True, answer_text(named["answer"], several)) if "answer" in named else (False, None)
    return isinstance(value, str), tidy(value) if isinstance(value, str) else None


def _bare_answer(text: str) -> str | None:
    """The first line of a text without JSON, if it is not prose."""
    line = next((line for line in text.splitlines() if line.strip(" \t`*#")), "")
    if not line or re.match(r"\s*[{\[]", line) or len(line) > _MAX_ANSWER:
        return None
    lead = _ANSWER_LEAD.match(line)
    if lead is not None:
        sign = _SIGN.search(lead.group())
        line = (sign.group() if sign else "") + line[lead.end() :]
    bare = tidy(line).strip("`*\"' ")
    return empty_if_abstention(bare) if bare else None


def _options_of(value: Any) -> list[str] | None:
    if isinstance(value, dict):
        named = {key.strip().lower(): item for key, item in value.items()}
        lists = [named[name] for name in _OPTION_LISTS if isinstance(named.get(name), list | dict)]
        lists += [item for item in value.values() if isinstance(item, list)]
        listed = lists[0] if lists else list(value.values())
        if isinstance(listed, dict):
            listed = list(listed.values())
    elif isinstance(value, list):
        listed = value
    else:
        return None
    return [option for option in map(scalar, listed) if option] or None

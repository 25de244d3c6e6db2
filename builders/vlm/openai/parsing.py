"""Model answers as values: strict JSON first, then whatever a person would still read out of them.

A repairing JSON parser is not used: it closes strings that were cut off, so half an answer would pass for a whole one,
and it reads the bracket form as lists of strings. What is taken here stood in the answer whole.
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
    listed_lines,
    quoted_items,
    whole_json,
)
from nyxqa.builders.vlm.protocol import QaPair

_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_PAIR_LISTS = ("pairs", "questions", "qa_pairs", "qa", "items", "data", "result", "results")
_QUESTION_KEY = re.compile(r"(?:question|query|q)[ _]?\d*", re.IGNORECASE)
_ANSWER_KEY = re.compile(r"(?:answer|a)[ _]?\d*", re.IGNORECASE)
_ANSWER_LEAD = re.compile(r"^\W*(?:(?:final |short )?answer|a)\s*\d*\W*[:\uff1a]\W*", re.IGNORECASE)
_LONGEST_ANSWER = 400  # characters; more is talk, no answer
_ABSTENTIONS = frozenset(
    {
        "unknown", "i dont know", "i do not know", "not known", "no answer", "unanswerable", "not answerable",
        "cannot be determined", "cannot be answered", "not enough information", "insufficient information",
        "not specified", "not stated", "not mentioned",
    }
)  # fmt: skip


def parse_pairs(text: str, truncated: bool = False) -> list[QaPair] | None:
    """Question-answer pairs; None where nothing tells what was meant, empty where the model said there are none.

    :param truncated: Whether the answer was cut off: then an unclosed last pair is left out.
    """
    text = _without_thinking(text)
    pairs = _pairs_of(whole_json(text))
    if pairs is not None:
        return pairs
    inner = [found for found in map(_pairs_of, inner_json(text)) if found is not None]
    complete = [pair for found in inner for pair in found]
    fields = _sound(field_values(text))
    best = complete if len(complete) >= len(fields) else fields
    return best or _sound(bracket_pairs(text, truncated)) or ([] if inner else None)


def parse_answer(text: str) -> str | None:
    """A short answer; empty for an abstention or ``null``, None where there is nothing that could be one."""
    text = _without_thinking(text)
    for value in (whole_json(text), *inner_json(text)):
        if isinstance(value, dict) and "answer" in value:
            return _abstained(_scalar(value["answer"]))
        if isinstance(value, str):
            return _abstained(tidy(value))
    quoted = quoted_items(text, "answer")
    if quoted:
        return _abstained(tidy(quoted[0]))
    if re.search(r"[\"'\u201c]answer[\"'\u201d]\s*:\s*null", text):
        return ""
    lines = [line for line in text.splitlines() if line.strip(" \t`*#")]
    if not lines or re.match(r"\s*[{\[]", lines[0]) or len(lines[0]) > _LONGEST_ANSWER:
        return None
    bare = tidy(_ANSWER_LEAD.sub("", lines[0])).strip("`*\"' ")
    return _abstained(bare) if bare else None


def parse_options(text: str) -> list[str] | None:
    """Options in their order, as written; None where there are none."""
    text = _without_thinking(text)
    for value in (whole_json(text), *inner_json(text)):
        options = _options_of(value)
        if options is not None:
            return options
    found = quoted_items(text, "options") or listed_lines(text)
    return [option for option in map(tidy, found) if option] or None


def cut_strings(text: str, bound: int) -> frozenset[str]:
    """Strings of the JSON in ``text`` that end where the grammar ended them: they are ``bound`` characters long."""
    text = _without_thinking(text)
    found: set[str] = set()
    values = [whole_json(text), *inner_json(text)]
    while values:
        value = values.pop()
        if isinstance(value, dict | list):
            values.extend(value.values() if isinstance(value, dict) else value)
        elif isinstance(value, str) and len(value) == bound:
            found.add(tidy(value))
    return frozenset(found)


def tidy(text: str) -> str:
    """``text`` on one line, without control characters and lone surrogates."""
    sound = text.encode("utf-8", "replace").decode("utf-8")
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in sound)
    return " ".join(kept.split())


def _without_thinking(text: str) -> str:
    return _THINKING.sub(" ", text).strip("\ufeff \t\r\n")


def _pairs_of(value: Any) -> list[QaPair] | None:
    """Pairs of a JSON value of any of the shapes models write; None for a value that is something else."""
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
    """Pairs of an object: its question and answer, or several with numbers."""
    questions = [key for key in item if _QUESTION_KEY.fullmatch(key.strip())]
    answers = [key for key in item if _ANSWER_KEY.fullmatch(key.strip())]
    for question, answer in zip(questions, answers, strict=False):
        pair = _pair(_scalar(item[question]), _scalar(item[answer]))
        if pair is not None:
            yield pair


def _sound(found: Iterable[tuple[str, str]]) -> list[QaPair]:
    return [pair for pair in (_pair(question, answer) for question, answer in found) if pair is not None]


def _pair(question: str, answer: str) -> QaPair | None:
    question, answer = tidy(question), tidy(answer)
    return QaPair(question, answer) if question and answer else None


def _scalar(value: Any) -> str:
    """A JSON value as an answer; lists, objects and null are none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return tidy(value) if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _abstained(answer: str) -> str:
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

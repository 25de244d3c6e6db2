"""Extracts the complete parts of answers that are not valid JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
_MAX_STARTS = 64  # positions at which a JSON value may begin that are tried

_OPEN, _CLOSE = "[\"'\u201c\u201d\u201e\u00ab\u2018]", "[\"'\u201c\u201d\u00bb\u2019]"
_KEY = rf"{_OPEN}?(?P<key>question|answer|query|[qa])[ _]?(?P<number>\d*){_CLOSE}?"
_VALUE_END = rf"{_CLOSE}(?=\s*(?:[}}\]]|,\s*(?:[{{}}\]]|{_OPEN}?\w+ ?\d*{_CLOSE}?\s*:)))"
_FIELD = re.compile(
    rf"{_KEY}\s*[:\uff1a]\s*(?:{_OPEN}(?P<value>(?:\\.|[^\\])*?){_VALUE_END}"
    rf"|(?P<bare>-?\d[\d.,]*\d|\d)(?=\s*[,}}\]]))",
    re.IGNORECASE | re.DOTALL,
)
_LABEL = re.compile(
    r"(?:(?<=[\[\s,;(*.?!\"\]])|^)[*_#]*(?P<role>Question|Answer|Q|A)[ _]?(?P<number>\d*)[*_]*"
    r"\s*(?:[:\uff1a]|(?<=\d)[.)])[*_]*",
    re.IGNORECASE,
)
_LINE_START = re.compile(r"(?:^|[\[\n,]|\*)[\s*_#\[]*$")
_NEXT_OPENS = re.compile(r"(?:[\s,;*]*\[)+\s*$")
_LINE_ITEM = re.compile(r"^\s*(?:[-*\u2022]|\(?(?:\d{1,2}|[A-Da-d])[.):])\s+(?P<item>\S.*)$", re.MULTILINE)


def whole_json(text: str) -> Any:
    """The JSON value of ``text``, or of its first code fence that holds one; None if neither is JSON."""
    for candidate in (text, *(match.group(1) for match in _FENCE.finditer(text))):
        for spelling in (candidate, _TRAILING_COMMA.sub("", candidate)):
            value = _load(spelling.strip())
            if isinstance(value, dict | list | str):
                return value
    return None


def inner_json(text: str) -> Iterator[Any]:
    """Complete JSON objects and lists inside prose, or inside a larger value that is malformed."""
    decoder = json.JSONDecoder()
    end = 0
    for start in [match.start() for match in re.finditer(r"[{\[]", text)][:_MAX_STARTS]:
        if start < end:
            continue
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        yield value


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def field_values(text: str) -> Iterator[tuple[str, str]]:
    """Question and answer of every object whose two fields are complete, however malformed the rest is."""
    pending: dict[str, str] = {}
    previous_end = 0
    for match in _FIELD.finditer(text):
        role = "question" if match.group("key").lower().startswith("q") else "answer"
        if "}" in text[previous_end : match.start()] or role in pending:
            pending = {}
        previous_end = match.end()
        pending[role] = match.group("bare") or unescaped(match.group("value") or "")
        if len(pending) == 2:
            yield pending["question"], pending["answer"]
            pending = {}


def unescaped(text: str) -> str:
    """``text`` with its JSON escapes resolved as far as they are valid."""
    value = _load(f'"{text}"') if "\\" in text else text
    return value if isinstance(value, str) else text.replace('\\"', '"').replace("\\n", " ")


def bracket_pairs(text: str, truncated: bool) -> Iterator[tuple[str, str]]:
    """Pairs of the form ``[Q1: ..., A1: ...]``, with or without spaces, line breaks, numbers and brackets.

    Labels such as ``Q1:`` delimit the pieces, not brackets, so that an answer may contain ``]`` and a missing one loses
    nothing.
    """
    labels = [match for match in _LABEL.finditer(text) if _is_label(text, match)]
    question: tuple[str, str] | None = None
    for number, match in enumerate(labels):
        last = number + 1 == len(labels)
        piece = text[match.end() : len(text) if last else labels[number + 1].start()]
        if match.group("role")[0] in "Qq":
            question = (match.group("number"), _trimmed(piece))
        elif question is not None and match.group("number") in ("", question[0]):
            if not (last and truncated and "]" not in piece):
                yield question[1], _trimmed(piece.strip().split("\n\n")[0])
            question = None


def _is_label(text: str, match: re.Match[str]) -> bool:
    """Whether a match is a label; one without a number must begin a line, a bracket or a list item."""
    return (
        bool(match.group("number")) or _LINE_START.search(text[max(0, match.start() - 8) : match.start()]) is not None
    )


def _trimmed(piece: str) -> str:
    """``piece`` without the separators and the unmatched brackets around it."""
    piece = _NEXT_OPENS.sub("", piece).strip(" \t\r\n,;*")
    while piece.endswith("]") and piece.count("]") > piece.count("["):
        piece = piece[:-1].rstrip(" \t\r\n,;*")
    for opening, closing in (('"', '"'), ("\u201c", "\u201d")):
        if len(piece) > 1 and piece.startswith(opening) and piece.endswith(closing) and piece.count(opening) <= 2:
            piece = piece[1:-1].strip()
    return piece


def quoted_items(text: str, name: str) -> list[str]:
    """Complete quoted strings after the field ``name``, up to the end of its list."""
    match = re.search(rf"{_OPEN}?{name}{_CLOSE}?\s*[:\uff1a]\s*(?P<list>\[)?", text, re.IGNORECASE)
    if match is None:
        return []
    items: list[str] = []
    position = match.end()
    item = re.compile(rf"\s*,?\s*{_OPEN}(?P<value>(?:\\.|[^\\])*?){_CLOSE}(?=\s*(?:,|\]|}}|\Z))", re.DOTALL)
    while (quoted := item.match(text, position)) is not None:
        items.append(unescaped(quoted.group("value")))
        position = quoted.end()
        if match.group("list") is None:
            break
    return items


def list_items(text: str) -> list[str]:
    """Items of a bulleted or numbered list."""
    return [match.group("item").strip().strip("\"'*`") for match in _LINE_ITEM.finditer(text)]

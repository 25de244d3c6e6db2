"""What can still be read out of answers that are no JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
_MOST_STARTS = 64  # places where a JSON value might begin that are tried

_OPEN, _CLOSE = "[\"'\u201c\u201d\u201e\u00ab\u2018]", "[\"'\u201c\u201d\u00bb\u2019]"
_KEY = rf"{_OPEN}?(?P<key>question|answer|query|[qa])[ _]?(?P<number>\d*){_CLOSE}?"
_VALUE_END = rf"{_CLOSE}(?=\s*(?:[}}\]]|,\s*(?:[{{}}\]]|{_OPEN}?\w+ ?\d*{_CLOSE}?\s*:)))"
_FIELD = re.compile(
    rf"{_KEY}\s*[:\uff1a]\s*(?:{_OPEN}(?P<value>(?:\\.|[^\\])*?){_VALUE_END}"
    rf"|(?P<bare>-?\d[\d.,]*\d|\d)(?=\s*[,}}\]]))",
    re.IGNORECASE | re.DOTALL,
)
_MARK = re.compile(
    r"(?:(?<=[\[\s,;(*.?!\"\]])|^)[*_#]*(?P<role>Question|Answer|Q|A)[ _]?(?P<number>\d*)[*_]*"
    r"\s*(?:[:\uff1a]|(?<=\d)[.)])[*_]*",
    re.IGNORECASE,
)
_LINE_MARK = re.compile(r"(?:^|[\[\n,]|\*)[\s*_#\[]*$")
_NEXT_OPENS = re.compile(r"(?:[\s,;*]*\[)+\s*$")
_LINE_ITEM = re.compile(r"^\s*(?:[-*\u2022]|\(?(?:\d{1,2}|[A-Da-d])[.):])\s+(?P<item>\S.*)$", re.MULTILINE)


def whole_json(text: str) -> Any:
    """The JSON value that ``text`` is, or that its first fence holds; None where there is none."""
    for candidate in (text, *(match.group(1) for match in _FENCE.finditer(text))):
        for spelling in (candidate, _TRAILING_COMMA.sub("", candidate)):
            value = _loaded(spelling.strip())
            if isinstance(value, dict | list | str):
                return value
    return None


def inner_json(text: str) -> Iterator[Any]:
    """Complete JSON objects and lists inside prose, or inside a larger one that is broken."""
    decoder = json.JSONDecoder()
    behind = 0
    for start in [match.start() for match in re.finditer(r"[{\[]", text)][:_MOST_STARTS]:
        if start < behind:
            continue
        try:
            value, behind = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        yield value


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def field_values(text: str) -> Iterator[tuple[str, str]]:
    """Question and answer of every object whose two fields are whole, whatever is broken around them."""
    pending: dict[str, str] = {}
    behind = 0
    for match in _FIELD.finditer(text):
        role = "question" if match.group("key").lower().startswith("q") else "answer"
        if "}" in text[behind : match.start()] or role in pending:
            pending = {}
        behind = match.end()
        pending[role] = match.group("bare") or unescaped(match.group("value") or "")
        if len(pending) == 2:
            yield pending["question"], pending["answer"]
            pending = {}


def unescaped(text: str) -> str:
    """``text`` with its JSON escapes resolved, or as it is where they are none."""
    value = _loaded(f'"{text}"') if "\\" in text else text
    return value if isinstance(value, str) else text.replace('\\"', '"').replace("\\n", " ")


def bracket_pairs(text: str, truncated: bool) -> Iterator[tuple[str, str]]:
    """Pairs of the form ``[Q1: ..., A1: ...]``, with or without spaces, line breaks, numbers and brackets.

    Marks bound the pieces, not brackets: so ``]`` may stand inside an answer, and a lost one loses nothing.
    """
    marks = [match for match in _MARK.finditer(text) if _is_mark(text, match)]
    question: tuple[str, str] | None = None
    for number, match in enumerate(marks):
        last = number + 1 == len(marks)
        piece = text[match.end() : len(text) if last else marks[number + 1].start()]
        if match.group("role")[0] in "Qq":
            question = (match.group("number"), _trimmed(piece))
        elif question is not None and match.group("number") in ("", question[0]):
            if not (last and truncated and "]" not in piece):
                yield question[1], _trimmed(piece.strip().split("\n\n")[0])
            question = None


def _is_mark(text: str, match: re.Match[str]) -> bool:
    """A mark without a number counts only where a line, a bracket or a list item begins."""
    return bool(match.group("number")) or _LINE_MARK.search(text[max(0, match.start() - 8) : match.start()]) is not None


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
    """Whole quoted strings behind the field ``name``, up to the end of its list."""
    match = re.search(rf"{_OPEN}?{name}{_CLOSE}?\s*[:\uff1a]\s*(?P<list>\[)?", text, re.IGNORECASE)
    if match is None:
        return []
    items: list[str] = []
    position = match.end()
    item = re.compile(rf"\s*,?\s*{_OPEN}(?P<value>(?:\\.|[^\\])*?){_CLOSE}(?=\s*(?:,|\]|}}|\Z))", re.DOTALL)
    while (found := item.match(text, position)) is not None:
        items.append(unescaped(found.group("value")))
        position = found.end()
        if match.group("list") is None:
            break
    return items


def listed_lines(text: str) -> list[str]:
    """Items of a bulleted or numbered list."""
    return [match.group("item").strip().strip("\"'*`") for match in _LINE_ITEM.finditer(text)]

"""Extracts the complete parts of answers that are not valid JSON; time grows in proportion to the text."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

_FENCE = re.compile(r"```[\w-]*\s*(.*?)(?:```|\Z)", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
# Positions at which a JSON value may start that are tried: reasoning in prose precedes the answer.
_FIRST_STARTS, _LAST_STARTS = 64, 256

_OPEN, _CLOSE = "[\"'\u201c\u201d\u201e\u00ab\u2018]", "[\"'\u201c\u201d\u00bb\u2019]"
_KEY = rf"{_OPEN}?(?P<key>question|answer|query|[qa])[ _]?(?P<number>\d{{0,6}}){_CLOSE}?"
_FIELD = re.compile(
    rf"{_KEY}\s*[:\uff1a]\s*(?:(?P<open>{_OPEN})|(?P<bare>-?\d[\d.,]{{0,40}}\d|\d)(?=\s*[,}}\]]))", re.IGNORECASE
)
# The end of a quoted value: a quote before the end of its object or list, or before the next key or item.
_VALUE_END = re.compile(
    rf"\\.|(?P<end>{_CLOSE})(?=\s*(?:[}}\]]|,\s*(?:[{{}}\]]|{_OPEN}?\w{{1,40}} ?\d{{0,6}}{_CLOSE}?\s*:)))", re.DOTALL
)
_ITEM_END = re.compile(rf"\\.|(?P<end>{_CLOSE})(?=\s*(?:,|\]|}}|\Z))", re.DOTALL)
_ITEM_START = re.compile(rf"\s*(?:,\s*)?{_OPEN}")
_LABEL = re.compile(
    r"(?P<role>Question|Answer|Q|A)[ _]?(?P<number>\d{0,6})[*_]*\s*(?:[:\uff1a]|(?<=\d)[.)])[*_]*", re.IGNORECASE
)
_DECORATION = "*_#"
_BEFORE_LABEL = frozenset(' \t\r\n\f\v[,;(*.?!"]')
_LINE_START = re.compile(r"(?:^|[\[\n,]|\*)[\s*_#\[]*$")
_AROUND = " \t\r\n,;*"
_LINE_ITEM = re.compile(r"^[ \t]*(?:[-*\u2022]|\(?(?:\d{1,2}|[A-Da-d])[.):])[ \t]+(?P<item>\S.*)$", re.MULTILINE)
_MAX_NAMED = 8  # fields of one name of which the items are read

# Commands whose first letter makes a valid JSON escape with the backslash, although no line break, tab or carriage
# return is meant. "\b" and "\f" are never meant before a letter.
_LATEX = frozenset(
    {
        "nabla", "natural", "nearrow", "ne", "neg", "neq", "newline", "nexists", "ngeq", "ni", "nleq", "nmid",
        "nonumber", "norm", "not", "notin", "nparallel", "nsim", "nsubseteq", "nu", "nwarrow",
        "rangle", "rarr", "rbrace", "rbrack", "rceil", "re", "real", "rfloor", "rho", "right", "rightarrow",
        "rightharpoonup", "rightleftharpoons", "rightleftarrows", "rm", "rtimes", "rvert", "rVert",
        "tan", "tanh", "tag", "tau", "tbinom", "text", "textbf", "textcolor", "textdegree", "textit", "textmd",
        "textnormal", "textrm", "textsc", "textsf", "textsubscript", "textsuperscript", "texttt", "textup", "tfrac",
        "therefore", "theta", "thickapprox", "thinspace", "tilde", "times", "tiny", "to", "top", "triangle",
        "triangleleft", "triangleq", "triangleright", "twoheadrightarrow",
    }
)  # fmt: skip
# "A:" and "Q:" are labels, and a line break may follow any label.
_BACKSLASH = re.compile(
    r"""(?P<path>(?<![A-Za-z0-9])[B-PR-Zb-pr-z]:(?!\\n[^a-z])(?:\\(?![\\"/])[^\\"':*?<>|\r\n]{1,255})+\\?(?=["',;.)\s]|\Z))"""
    r"""|\\(?:(?P<kept>["\\/]|u[0-9A-Fa-f]{4})|(?P<word>[bfnrt][A-Za-z]*)|(?P<other>))""",
    re.VERBOSE,
)


class NotANumber:
    """What ``NaN`` and ``Infinity`` are read as: no JSON, and nothing to publish."""


_DECODER = json.JSONDecoder(parse_constant=lambda name: NotANumber())


def load_json(text: str) -> Any:
    """The JSON value of ``text`` with its literal backslashes kept; None if it is not JSON."""
    try:
        return _DECODER.decode(repaired_escapes(text))
    except (ValueError, RecursionError):
        return None


def whole_json(text: str) -> Any:
    """The JSON value of ``text``, or of its last code fence that holds one; None if neither is JSON.

    JSON inside a JSON string is read too.
    """
    fences = [match.group(1) for match in _FENCE.finditer(text)] if "```" in text else []
    for candidate in (text, *reversed(fences)):
        for spelling in dict.fromkeys((candidate, _TRAILING_COMMA.sub("", candidate))):
            value = _unwrapped(load_json(spelling.strip()))
            if isinstance(value, dict | list | str):
                return value
    return None


def _unwrapped(value: Any) -> Any:
    """``value``, or the object or list that a string holds as JSON."""
    for _ in range(2):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
            break
        inner = load_json(value.strip())
        if not isinstance(inner, dict | list | str):
            break
        value = inner
    return value


def inner_json(text: str) -> Iterator[Any]:
    """Complete JSON objects and lists inside prose, or inside a larger value that is malformed, in their order."""
    text = repaired_escapes(text)
    starts = [match.start() for match in re.finditer(r"[{\[]", text)]
    if len(starts) > _FIRST_STARTS + _LAST_STARTS:
        starts = starts[:_FIRST_STARTS] + starts[-_LAST_STARTS:]
    end = 0
    for start in starts:
        if start < end:
            continue
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        yield value


def _ends(pattern: re.Pattern[str], text: str) -> list[int]:
    """Positions of the quotes at which a value may end."""
    return [match.start() for match in pattern.finditer(text) if match["end"] is not None]


def field_values(text: str) -> Iterator[tuple[str, str]]:
    """Question and answer of every object whose two fields are complete, however malformed the rest is."""
    ends = _ends(_VALUE_END, text)
    pending: dict[str, str] = {}
    previous_end = position = 0
    while (match := _FIELD.search(text, position)) is not None:
        position = match.end()
        value = match["bare"]
        if value is None:
            place = bisect_left(ends, position)
            if place == len(ends):
                continue
            value, position = unescaped(text[position : ends[place]]), ends[place] + 1
        role = "question" if match["key"].lower().startswith("q") else "answer"
        if "}" in text[previous_end : match.start()] or role in pending:
            pending = {}
        previous_end = position
        pending[role] = value
        if len(pending) == 2:
            yield pending["question"], pending["answer"]
            pending = {}


def unescaped(text: str) -> str:
    """``text`` with its JSON escapes resolved as far as they are valid."""
    value = load_json(f'"{text}"') if "\\" in text else text
    return value if isinstance(value, str) else text.replace('\\"', '"').replace("\\n", " ")


def bracket_pairs(text: str, truncated: bool) -> Iterator[tuple[str, str]]:
    """Pairs of the form ``[Q1: ..., A1: ...]``, with or without spaces, line breaks, numbers and brackets.

    Labels such as ``Q1:`` delimit the pieces, not brackets, so that an answer may contain ``]`` and a missing one loses
    nothing.
    """
    labels = list(_labels(text))
    question: tuple[str, str] | None = None
    for number, (_, match) in enumerate(labels):
        last = number + 1 == len(labels)
        piece = text[match.end() : len(text) if last else labels[number + 1][0]]
        if match["role"][0] in "Qq":
            question = (match["number"], _trimmed(piece))
        elif question is not None and match["number"] in ("", question[0]):
            if not (last and truncated and "]" not in piece):
                yield question[1], _trimmed(piece.strip().split("\n\n", maxsplit=1)[0])
            question = None


def _labels(text: str) -> Iterator[tuple[int, re.Match[str]]]:
    """Labels with the position at which their decoration begins.

    One without a number must begin a line, a bracket or a list item.
    """
    end = 0
    for match in _LABEL.finditer(text):
        start = match.start()
        while start > end and text[start - 1] in _DECORATION:
            start -= 1
        if start and text[start - 1] not in _BEFORE_LABEL and text[start] != "*":
            continue
        if match["number"] or _LINE_START.search(text[max(0, start - 8) : start]):
            end = match.end()
            yield start, match


def _trimmed(piece: str) -> str:
    """``piece`` without the separators and the unmatched brackets around it."""
    without = piece.rstrip(_AROUND + "[\f\v")
    piece = (without if "[" in piece[len(without) :] else piece).strip(_AROUND)
    surplus, end = piece.count("]") - piece.count("["), len(piece)
    while surplus > 0 and end and piece[end - 1] == "]":
        surplus, end = surplus - 1, end - 1
        while end and piece[end - 1] in _AROUND:
            end -= 1
    piece = piece[:end]
    for opening, closing in (('"', '"'), ("\u201c", "\u201d")):
        if len(piece) > 1 and piece.startswith(opening) and piece.endswith(closing) and piece.count(opening) <= 2:
            piece = piece[1:-1].strip()
    return piece


def quoted_items(text: str, name: str) -> list[str]:
    """Complete quoted strings after the last field ``name`` that has any, up to the end of its list."""
    fields = list(re.finditer(rf"{_OPEN}?{name}{_CLOSE}?\s*[:\uff1a]\s*(?P<list>\[)?", text, re.IGNORECASE))
    if not fields:
        return []
    ends = _ends(_ITEM_END, text)
    for match in reversed(fields[-_MAX_NAMED:]):
        items: list[str] = []
        position = match.end()
        while (opening := _ITEM_START.match(text, position)) is not None:
            place = bisect_left(ends, opening.end())
            if place == len(ends):
                break
            items.append(unescaped(text[opening.end() : ends[place]]))
            position = ends[place] + 1
            if match["list"] is None:
                break
        if items:
            return items
    return []


def list_items(text: str) -> list[str]:
    """Items of a bulleted or numbered list."""
    return [match["item"].strip().strip("\"'*`") for match in _LINE_ITEM.finditer(text)]


def repaired_escapes(text: str) -> str:
    """``text`` with each backslash doubled that is meant literally, so that JSON reads it as one."""
    return _BACKSLASH.sub(_repaired, text) if "\\" in text else text


def _repaired(match: re.Match[str]) -> str:
    whole = match.group()
    if match["path"] is not None:
        return whole.replace("\\", "\\\\")
    if match["kept"] is not None:
        return whole
    word = match["word"]
    if word is None or (word[0] in "bf" and len(word) > 1) or word in _LATEX:
        return "\\" + whole
    return whole

"""Lists that published training sets store as strings, parsed without evaluating code."""

from __future__ import annotations

import ast
import json
from typing import Any

# Longer strings are prose, not lists of captions or paths; parsing them would only cost time.
_LONGEST = 10_000_000


def parse_list(value: Any) -> tuple[list[Any], bool]:
    """Return the items of a cell, and whether they were parsed from a string.

    A string that is a list in Python's or JSON's notation is parsed; any other string is one item. None and the empty
    string have no items.
    """
    if value is None or value == "":
        return [], False
    if not isinstance(value, str):
        return (list(value), False) if isinstance(value, list | tuple) else ([value], False)
    parsed = _parsed(value.strip())
    if isinstance(parsed, list) and all(_is_item(item) for item in parsed):
        return parsed, True
    # A string literal of Python; quoted prose is seldom quoted exactly as repr would.
    if isinstance(parsed, str) and repr(parsed) == value.strip():
        return [parsed], True
    return [value], False


def _parsed(text: str) -> Any:
    """Return the value of a Python or JSON literal, tuples as lists; ``text`` itself if it is not a literal."""
    if not text or text[0] not in "[('\"" or len(text) > _LONGEST:
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
    return list(value) if isinstance(value, tuple) else value


def _is_item(value: Any) -> bool:
    """Whether ``value`` is a valid item: a string, None, or a list of these (images of one negative)."""
    if isinstance(value, list | tuple):
        return all(part is None or isinstance(part, str) for part in value)
    return value is None or isinstance(value, str)

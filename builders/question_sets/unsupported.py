"""Rows that a text set has no place for: with images, or with options to choose from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.content import PLACEHOLDER

_IMAGES = frozenset(
    ("image", "images", "img", "image_bytes", "image_path", "image_paths", "image_url", "image_urls", "picture")
)
_OPTIONS = frozenset(("choices", "options"))
# The places of images in the questions of various sets and tools.
_TOKEN = re.compile(r"<\|?(?:image|img)(?:_?\d+|_pad)?\|?>", re.IGNORECASE)
_NOTHING = ("", b"", "None", "null", None)

Problem = tuple[str, str]


def image_problem(row: Row) -> Problem | None:
    """Ledger reason and detail if the row or its metadata holds an image, else None."""
    column = _filled(row.values, _IMAGES)
    return None if column is None else ("has_image", f"column {column}: [[text]] takes no images, [[qa]] does")


def question_problem(row: Row, text: Any) -> Problem | None:
    """Ledger reason and detail if the row is a question with images or options, else None.

    :param text: The question.
    """
    if problem := image_problem(row):
        return problem
    if isinstance(text, str) and (token := _TOKEN.search(text.replace(PLACEHOLDER, ""))):
        return "image_token", f"{token[0]} stands in the question: [[text]] takes no images, [[qa]] does"
    column = _filled(row.values, _OPTIONS)
    return None if column is None else ("has_choices", f"column {column}: [[text]] takes no options, [[qa]] does")


def _filled(values: Mapping[str, Any], names: frozenset[str]) -> str | None:
    """The first of the columns ``names`` that holds something, in the row or in its metadata."""
    own = next((column for column, value in values.items() if column.lower() in names and _holds(value)), None)
    metadata = values.get("metadata")
    if own is not None or not isinstance(metadata, Mapping):
        return own
    held = (name for name, value in metadata.items() if str(name).lower() in names and _holds(value))
    return next((f"metadata.{name}" for name in held), None)


def _holds(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds, value))
    return not any(value is nothing or value == nothing for nothing in _NOTHING)

"""Passage pools: FlashRAG's Wikipedia, DPR's psgs_w100, Parquet and the Hub."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.row_source import PASSAGES, parse_row_source
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.content import PLACEHOLDER

PASSAGE_KINDS = ("flashrag", "psgs", "parquet")
_SPLIT = "train"  # split of a dataset on the Hub that holds the passages; a pool has no splits

_IMAGES = frozenset(
    ("image", "images", "img", "image_bytes", "image_path", "image_paths", "image_url", "image_urls", "picture")
)
_OPTIONS = frozenset(("choices", "options"))
# The places of images in the questions of various sets and tools.
_TOKEN = re.compile(r"<\|?(?:image|img)(?:_?\d+|_pad)?\|?>", re.IGNORECASE)
_NOTHING = ("", b"", "None", "null", None)
Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a pool.

    :param name: Ledger name of the source row.
    :param id: The pool's own id.
    :param title: The empty string if the passage has no title.
    :param text: FlashRAG's ``contents``, verbatim: the title in double quotes, a line end, the text.
    :param images: Locators of the images of its placeholders, with their captions.
    :param origin: Number of its source among those of the pool.
    """

    name: str
    id: str
    title: str
    text: str
    images: tuple[Mapping[str, Any], ...] = ()
    url: str | None = None
    license: str | None = None
    language: str | None = None
    source: str = ""
    origin: int = 0


def read_passages(spec: str) -> Iterator[Passage | Drop]:
    """Yield the passages of the pool that ``spec`` names.

    :param spec: ``KIND:FILE``, ``hf:USER/NAME[/CONFIG]@REVISION`` or ``sample``.
    :raises UsageError: If the kind is unknown.
    :raises WorldError: If the source is missing, or a row lacks a needed column.
    """
    for row in parse_row_source(spec, PASSAGE_KINDS, PASSAGES).rows(_SPLIT):
        yield row if isinstance(row, Drop) else read_passage(row)


def read_passage(row: Row) -> Passage | Drop:
    """Return the passage of a row with ``contents``, or with ``text`` and perhaps ``title``, or a drop."""
    own_id = row.need("id")
    if isinstance(own_id, bool) or not isinstance(own_id, str | int) or own_id == "":
        return row.drop("bad_id", f"expected text or a number, found {own_id!r}")
    if problem := image_problem(row):
        return row.drop(*problem)
    if "contents" in row.values:
        text = row.values["contents"]
        problem = text_problem(text)
        title = "" if problem else title_of(text)
    else:
        body, title = row.need("text", "contents"), row.values.get("title") or ""
        problem = text_problem(body) or (text_problem(title) if title else None)
        text = body if problem or not title else f'"{_unquoted(title)}"\n{body}'
    return row.drop(*problem) if problem else Passage(row.name, str(own_id), _unquoted(title), text)


def title_of(contents: str) -> str:
    """Return the title in ``contents``: its first line without quotes, or the empty string if no line end follows."""
    first, line_end, _ = contents.partition("\n")
    return _unquoted(first) if line_end else ""


def _unquoted(title: str) -> str:
    """Strip one pair of quotes; no more, as a title may itself end in a quote."""
    title = title.strip()
    return title[1:-1] if len(title) > 1 and title[0] == title[-1] == '"' else title


def text_problem(text: Any) -> tuple[str, str] | None:
    """Return ledger reason and detail if ``text`` is not usable as a question, answer or passage, else None."""
    if not isinstance(text, str):
        return "bad_type", f"expected text, found {type(text).__name__}"
    if not text.strip():
        return "empty_text", ""
    if PLACEHOLDER in text:
        return "placeholder", "the text holds a placeholder: [[text]] takes no images, [[qa]] does"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return "bad_unicode", str(error)
    return None


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

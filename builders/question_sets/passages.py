"""Passage pools: FlashRAG's Wikipedia, DPR's psgs_w100, Parquet and the Hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.row_source import PASSAGES, parse_row_source
from nyxqa.builders.question_sets.unsupported import image_problem
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.content import PLACEHOLDER

PASSAGE_KINDS = ("flashrag", "psgs", "parquet")
_SPLIT = "train"  # split of a dataset on the Hub that holds the passages; a pool has no splits


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

"""Passage pools: FlashRAG's Wikipedia, DPR's psgs_w100, Parquet and the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.sample import PASSAGES, SAMPLE, sample_file
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.hub import HubName, hub_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import UsageError

KINDS = ("flashrag", "psgs", "parquet")
_SPLIT = "train"  # where the Hub holds passages: a pool has no splits of its own


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a pool.

    :param name: Its source row.
    :param id: The pool's own id.
    :param title: "" if it has none.
    :param text: FlashRAG's ``contents``, verbatim: the title in double quotes, a line end, the text.
    """

    name: str
    id: str
    title: str
    text: str


def read_passages(spec: str) -> Iterator[Passage | Drop]:
    """The pool that ``spec`` names, one passage at a time.

    :param spec: ``KIND:FILE``, ``hf:USER/NAME[/CONFIG]@REVISION`` or ``sample``.
    :raises UsageError: If there is no such kind.
    :raises WorldError: If the source is missing, or a row lacks a needed column.
    """
    kind, _, place = spec.partition(":")
    if kind == "hf" and place:
        rows = hub_rows(HubName.parse(place), _SPLIT)
    elif spec == SAMPLE:
        rows = file_rows(sample_file(PASSAGES))
    elif kind in KINDS and place:
        rows = file_rows(Path(place))
    else:
        kinds = ", ".join(f"{name}:FILE" for name in KINDS)
        raise UsageError(
            f"no passage pool is named {spec!r}; valid are {kinds}, hf:USER/NAME[/CONFIG]@REVISION, sample"
        )
    for row in rows:
        yield row if isinstance(row, Drop) else read_passage(row)


def read_passage(row: Row) -> Passage | Drop:
    """A passage from ``contents``, or from ``text`` with or without ``title``."""
    own_id = row.need("id")
    if isinstance(own_id, bool) or not isinstance(own_id, str | int) or own_id == "":
        return row.drop("bad_id", f"expected text or a number, found {own_id!r}")
    if "contents" in row.values:
        text = row.values["contents"]
        wrong = fault(text)
        title = "" if wrong else title_of(text)
    else:
        body, title = row.need("text", "contents"), row.values.get("title") or ""
        wrong = fault(body) or (fault(title) if title else None)
        text = body if wrong or not title else f'"{_unquoted(title)}"\n{body}'
    return row.drop(*wrong) if wrong else Passage(row.name, str(own_id), _unquoted(title), text)


def title_of(contents: str) -> str:
    """The title in ``contents``: its first line without the quotes around it; "" where no line end follows."""
    first, line_end, _ = contents.partition("\n")
    return _unquoted(first) if line_end else ""


def _unquoted(title: str) -> str:
    """``title`` without one pair of quotes around it: a title may end in a quote of its own."""
    title = title.strip()
    return title[1:-1] if len(title) > 1 and title[0] == title[-1] == '"' else title


def fault(text: Any) -> tuple[str, str] | None:
    """Reason and detail if ``text`` cannot be a question or passage of its own; nothing if it can."""
    if not isinstance(text, str):
        return "bad_type", f"expected text, found {type(text).__name__}"
    if not text.strip():
        return "empty_text", ""
    if PLACEHOLDER in text:
        return "placeholder", "the text holds a placeholder and there is no image"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return "bad_unicode", str(error)
    return None

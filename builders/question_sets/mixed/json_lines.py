"""``jsonl:FILE``: one's own questions or documents, as JSON lines or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.importers.repair import BadCellError
from nyxqa.builders.question_sets.mixed.cells import (
    answer_forms,
    content_text,
    options_of,
    split_named,
    text_cell,
)
from nyxqa.builders.question_sets.mixed.model import Relevant, SourceDocument, SourceQuestion
from nyxqa.builders.question_sets.mixed.references import pictures
from nyxqa.builders.question_sets.row_source import file_state
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe_types import Split

_TYPES = ("fact", "howto", "why", "compare", "list", "boolean")


@dataclass(frozen=True)
class JsonLines:
    """A file of questions or of documents.

    :param split: Split of rows that name none.
    """

    file: Path
    split: Split = "train"
    kind: str = "jsonl"

    def state(self) -> Any:
        """Name, size and time of the file."""
        return file_state(self.file)

    def splits(self) -> set[Split]:
        """Splits that rows name, and the default if some name none."""
        _name, size, modified = file_state(self.file)
        named, unnamed = _named_splits(self.file, size, modified)
        return {*named, self.split} if unnamed or not named else set(named)

    def questions(self, split: Split) -> Iterator[SourceQuestion | Drop]:
        """Questions of one split; rows whose split has no known name are dropped with those of train."""
        for row in file_rows(self.file):
            if isinstance(row, Drop):
                if split == self.split:
                    yield row
                continue
            own = _split_of(row, self.split)
            if own is None and split == self.split:
                yield row.drop("bad_split", f"split {row.values['split']!r} is none of train, validation and test")
            elif own == split:
                yield _guarded(row, self.file.parent, read_question)

    def documents(self) -> Iterator[SourceDocument | Drop]:
        """Documents of the file."""
        for row in file_rows(self.file):
            yield row if isinstance(row, Drop) else _guarded_document(row, self.file.parent)


@lru_cache(maxsize=16)
def _named_splits(file: Path, size: int, modified: int) -> tuple[frozenset[Split], bool]:
    """Splits that the rows of a file name, and whether a row names none.

    :param size: Size of the file, which with ``modified`` tells whether it was read before.
    """
    named: set[Split] = set()
    unnamed = False
    for row in file_rows(file):
        if isinstance(row, Drop):
            continue
        value = row.values.get("split")
        if value is None or value == "":
            unnamed = True
        elif (split := split_named(value)) is not None:
            named.add(split)
    return frozenset(named), unnamed


def _split_of(row: Row, default: Split) -> Split | None:
    value = row.values.get("split")
    return default if value is None or value == "" else split_named(value)


def _guarded(row: Row, root: Path, read: Any) -> SourceQuestion | Drop:
    try:
        question: SourceQuestion = read(row, root)
    except BadCellError as error:
        return row.drop(error.reason, error.detail)
    return question


def _guarded_document(row: Row, root: Path) -> SourceDocument | Drop:
    try:
        return read_document(row, root)
    except BadCellError as error:
        return row.drop(error.reason, error.detail)


def row_id(row: Row) -> str | int:
    """The id of a row, or its number if it has none.

    :raises BadCellError: If it is neither text nor a number.
    """
    value = next((row.values[name] for name in ("id", "_id") if row.values.get(name) not in (None, "")), None)
    if value is None:
        return row.number
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadCellError("bad_id", f"expected text or a number, found {value!r}")
    return str(text_cell("id", value)) if isinstance(value, str) else str(value)


def read_question(row: Row, root: Path) -> SourceQuestion:
    """The question of a row.

    :raises BadCellError: If it cannot be used.
    :raises WorldError: If the column of questions is missing.
    """
    values = row.values
    images = pictures(values.get("images", values.get("image")), root)
    text, repairs = content_text("question", row.need("question"), len(images))
    given = values.get("answers")
    answers = answer_forms(given if given not in (None, "", []) else values.get("answer"))
    choices, label, wrong = options_of(values.get("choices"), values.get("label"), answers)
    notes = [] if not wrong else [Drop("question", f"{row.name}:choices", row.name, "bad_choices", wrong)]
    if not answers and label >= 0:
        answers = (choices[label],)
    elif label >= 0 and choices[label] not in answers:
        answers = (*answers, choices[label])
    kind = values.get("type")
    return SourceQuestion(
        row=row.name,
        own_id=row_id(row),
        text=text.strip(),
        images=images,
        answers=answers,
        answer_long=text_cell("answer_long", values.get("answer_long"), empty=True),
        choices=choices,
        label=label,
        relevant=tuple(Relevant(one) for one in _document_ids(values)),
        needs="all" if values.get("needs") == "all" else "any",
        type=kind if kind in _TYPES else "",
        instruction=text_cell("instruction", values.get("instruction"), empty=True),
        repairs=repairs,
        notes=tuple(notes),
    )


def _document_ids(values: Any) -> list[str]:
    given = values.get("doc_ids", values.get("doc_id"))
    listed = given if isinstance(given, list | tuple) else [given]
    return list(dict.fromkeys(str(one) for one in listed if one not in (None, "") and not isinstance(one, bool)))


def read_document(row: Row, root: Path) -> SourceDocument:
    """The document of a row.

    :raises BadCellError: If it cannot be used.
    :raises WorldError: If the column of texts is missing.
    """
    values = row.values
    images = pictures(values.get("images", values.get("image")), root)
    if "text" not in values and "contents" not in values and not images:
        raise WorldError(
            f"{row.source}, row {row.number}: column 'text' is missing; the row has "
            f"{', '.join(map(repr, values)) or 'no columns'}; check that the file is a corpus"
        )
    text, repairs = content_text("text", values.get("text", values.get("contents")), len(images))
    return SourceDocument(
        row=row.name,
        id=str(row_id(row)),
        text=text,
        images=images,
        captions=_captions(values, len(images)),
        caption_origin="figure",
        title=text_cell("title", values.get("title"), empty=True),
        url=text_cell("url", values.get("url"), empty=True) or None,
        license=text_cell("license", values.get("license"), empty=True) or None,
        language=text_cell("language", values.get("language"), empty=True) or None,
        repairs=repairs,
    )


def _captions(values: Any, images: int) -> tuple[str, ...]:
    """One caption for each image, from column ``captions`` or ``caption``; "" where there is none."""
    given = values.get("captions", values.get("caption"))
    listed = given if isinstance(given, list | tuple) else [given]
    texts = [" ".join(one.split()) if isinstance(one, str) else "" for one in listed]
    return tuple((texts + [""] * images)[:images])

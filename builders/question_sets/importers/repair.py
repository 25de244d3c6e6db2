"""An imported row, and the repair of its cells."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.importers.images import ImageFolder, ImageRef
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.content import PLACEHOLDER, Content
from nyxqa.schemas.recipe_types import Split

_TOKEN = re.compile(r"<\|image(?:_\d+)?\|>")
# A token and the line end that published sets put after it.
_TOKEN_LINE = re.compile(r"<\|image(?:_\d+)?\|>[ \t]*\n?")
_NO_IMAGE = ("", "None", None)

Side = Content[ImageRef]

# Longer strings are prose, not lists of captions or paths; parsing them would only cost time.
_LONGEST = 10_000_000


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A query with its positive and negatives.

    :param name: Ledger name of the source row.
    :param own_id: Number of the row in its dataset and split, or the set's id.
    :param dataset: ``KIND/SUBSET``, or the kind alone.
    :param repairs: Column and repair of each repair.
    :param notes: Ledger entries for negatives that were dropped although the row was imported.
    """

    name: str
    own_id: str | int
    dataset: str
    split: Split
    query: Side
    positive: Side
    negatives: tuple[Side, ...] = ()
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    label: int | None = None
    repairs: tuple[tuple[str, str], ...] = ()
    notes: tuple[Drop, ...] = ()


class BadCellError(Exception):
    """A cell that cannot be used or repaired; its row or its negative is dropped.

    :param reason: Ledger reason.
    :param detail: Ledger detail.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass
class Repairs:
    """Turns the cells of one published row into content and records what had to be repaired."""

    row: Row
    images: ImageFolder
    repairs: list[tuple[str, str]] = field(default_factory=list)
    notes: list[Drop] = field(default_factory=list)

    def side(self, text_column: str, text: Any, image_column: str, cell: Any) -> Side:
        """Return content with one placeholder for each image.

        :param text_column: Column of ``text``, for the ledger.
        :param image_column: Column of ``cell``, which names the images.
        :raises BadCellError: If the text is not a string, an image is missing, or neither text nor image is left.
        """
        if text is not None and not isinstance(text, str):
            raise BadCellError("bad_type", f"{text_column}: expected text, found {type(text).__name__}")
        images = [self._image(image_column, name) for name in self._names(image_column, cell)]
        repaired = self._tokens(text_column, text or "", len(images))
        if not repaired.strip():
            raise BadCellError("empty_text", f"{text_column}: neither text nor image")
        if not _is_unicode(repaired):
            raise BadCellError("bad_unicode", text_column)
        return Content(repaired, tuple(images))

    def items(self, column: str, cell: Any) -> list[Any]:
        """Return the cell's items; parsing a list from a string counts as a repair."""
        items, parsed = parse_list(cell)
        if parsed:
            self.repairs.append((column, "parsed_list"))
        return items

    def negatives(self, positive: Side) -> tuple[Side, ...]:
        """Return the usable negatives; each other one gets a note."""
        texts = self.items("neg_text", self.row.values.get("neg_text"))
        images = self.items("neg_image_path", self.row.values.get("neg_image_path"))
        if len(images) == 1 and images[0] in _NO_IMAGE:
            images = []
        if texts and images and len(texts) != len(images):
            mismatch = f"{len(texts)} texts but {len(images)} images"
            self.notes.append(lost_negative(self.row.name, "negatives", "misaligned", mismatch))
            return ()
        count = max(len(texts), len(images))
        usable: list[Side] = []
        for number, (text, image) in enumerate(zip(texts or [""] * count, images or [None] * count, strict=True)):
            try:
                side = self.side("neg_text", text, "neg_image_path", image)
            except BadCellError as error:
                self.notes.append(lost_negative(self.row.name, number, error.reason, error.detail))
                continue
            if _same(side, positive) or any(_same(side, other) for other in usable):
                same = "the same as the positive or an earlier negative"
                self.notes.append(lost_negative(self.row.name, number, "equal", same))
            else:
                usable.append(side)
        return tuple(usable)

    def _names(self, column: str, cell: Any) -> list[Any]:
        """Return the images that a cell names, without markers of a missing image."""
        names = cell if isinstance(cell, list | tuple) else self.items(column, cell)
        return [name for name in names if isinstance(name, dict | bytes) or name not in _NO_IMAGE]

    def _image(self, column: str, name: Any) -> ImageRef:
        image = self.images.find(name)
        if image is None:
            detail = f"{column}: {name if isinstance(name, str) else type(name).__name__}"
            archive = self.images.archive_problem(name)
            raise BadCellError("missing_image", f"{archive}: {detail}" if archive else detail)
        return image

    def _tokens(self, column: str, text: str, images: int) -> str:
        """Return ``text`` with one placeholder for each image.

        Surplus tokens are removed from the end, missing ones are added in front.
        """
        tokens = list(_TOKEN_LINE.finditer(text))
        for token in reversed(tokens[images:]):
            text = text[: token.start()] + text[token.end() :]
            self.repairs.append((column, "stray_token"))
        text = _TOKEN.sub(PLACEHOLDER, text)
        missing = images - min(len(tokens), images)
        if missing:
            self.repairs.append((column, "missing_token"))
            text = f"{PLACEHOLDER}\n" * missing + text
        return text.strip()


def lost_negative(row: str, number: int | str, reason: str, detail: str) -> Drop:
    """Return the ledger entry of a negative that is dropped although its row is imported.

    :param number: Position among the row's negatives, or ``negatives`` for all of them.
    """
    return Drop("document", f"{row}:{number}", row, reason, detail)


def text_answers(values: Sequence[Any]) -> tuple[str, ...]:
    """Return the values as strings, without blank and repeated ones."""
    return tuple(dict.fromkeys(text for value in values if value is not None and (text := str(value).strip())))


def _same(one: Side, other: Side) -> bool:
    """Whether texts are equal except for white space, and images in path and bytes."""
    return one.text.split() == other.text.split() and [(i.path, i.data) for i in one.images] == [
        (i.path, i.data) for i in other.images
    ]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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

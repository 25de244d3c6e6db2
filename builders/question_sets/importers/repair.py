"""An imported row, and the repair of its parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.importers.images import ImageFolder, ImageRef
from nyxqa.builders.question_sets.importers.lists import parse_list
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.content import PLACEHOLDER, Content
from nyxqa.schemas.recipe_types import Split

_TOKEN = re.compile(r"<\|image(?:_\d+)?\|>")
# A token and the line end that the published sets put behind it.
_TOKEN_LINE = re.compile(r"<\|image(?:_\d+)?\|>[ \t]*\n?")
_NO_IMAGE = ("", "None", None)

Side = Content[ImageRef]


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A query with its positive and negatives.

    :param name: Its source row.
    :param own_id: Number of the row in its dataset and split, or the set's id.
    :param dataset: ``KIND/SUBSET``, or the kind alone.
    :param repairs: Column and repair, one for each time.
    :param notes: Ledger rows for parts that failed while the row lives.
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


class UnusableError(Exception):
    """A part that cannot be repaired; it costs its row, or its negative.

    :param reason: For the ledger.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass
class Repairs:
    """Makes content of published cells and writes down what it had to change."""

    row: Row
    images: ImageFolder
    made: list[tuple[str, str]] = field(default_factory=list)
    notes: list[Drop] = field(default_factory=list)

    def side(self, text_column: str, text: Any, image_column: str, cell: Any) -> Side:
        """Text and images that agree.

        :raises UnusableError: If an image is not there, or nothing is left.
        """
        if text is not None and not isinstance(text, str):
            raise UnusableError("bad_type", f"{text_column}: expected text, found {type(text).__name__}")
        found = [self._image(image_column, name) for name in self._names(image_column, cell)]
        repaired = self._tokens(text_column, text or "", len(found))
        if not repaired.strip():
            raise UnusableError("empty_text", f"{text_column}: neither text nor image")
        if not _is_unicode(repaired):
            raise UnusableError("bad_unicode", text_column)
        return Content(repaired, tuple(found))

    def items(self, column: str, cell: Any) -> list[Any]:
        """The cell's items; a list in a string counts as a repair."""
        items, parsed = parse_list(cell)
        if parsed:
            self.made.append((column, "parsed_list"))
        return items

    def negatives(self, positive: Side) -> tuple[Side, ...]:
        """The negatives that can be used; the others are noted and replaced by nothing."""
        texts = self.items("neg_text", self.row.values.get("neg_text"))
        images = self.items("neg_image_path", self.row.values.get("neg_image_path"))
        if len(images) == 1 and images[0] in _NO_IMAGE:
            images = []
        if texts and images and len(texts) != len(images):
            unlike = f"{len(texts)} texts but {len(images)} images"
            self.notes.append(lost_negative(self.row.name, "negatives", "misaligned", unlike))
            return ()
        count = max(len(texts), len(images))
        kept: list[Side] = []
        for number, (text, image) in enumerate(zip(texts or [""] * count, images or [None] * count, strict=True)):
            try:
                side = self.side("neg_text", text, "neg_image_path", image)
            except UnusableError as error:
                self.notes.append(lost_negative(self.row.name, number, error.reason, error.detail))
                continue
            if _same(side, positive) or any(_same(side, other) for other in kept):
                same = "the same as the positive or an earlier negative"
                self.notes.append(lost_negative(self.row.name, number, "equal", same))
            else:
                kept.append(side)
        return tuple(kept)

    def _names(self, column: str, cell: Any) -> list[Any]:
        """Images named in a cell; what stands for no image is none."""
        names = cell if isinstance(cell, list | tuple) else self.items(column, cell)
        return [name for name in names if isinstance(name, dict | bytes) or name not in _NO_IMAGE]

    def _image(self, column: str, name: Any) -> ImageRef:
        found = self.images.find(name)
        if found is None:
            raise UnusableError("missing_image", f"{column}: {name if isinstance(name, str) else type(name).__name__}")
        return found

    def _tokens(self, column: str, text: str, images: int) -> str:
        """``text`` with one placeholder an image: surplus tokens go from the end, missing ones come to the front."""
        tokens = list(_TOKEN_LINE.finditer(text))
        for token in reversed(tokens[images:]):
            text = text[: token.start()] + text[token.end() :]
            self.made.append((column, "stray_token"))
        text = _TOKEN.sub(PLACEHOLDER, text)
        missing = images - min(len(tokens), images)
        if missing:
            self.made.append((column, "missing_token"))
            text = f"{PLACEHOLDER}\n" * missing + text
        return text.strip()


def lost_negative(row: str, number: int | str, reason: str, detail: str) -> Drop:
    """A negative that its row lives without.

    :param number: Which of the row's negatives, or ``negatives`` for all of them.
    """
    return Drop("document", f"{row}:{number}", row, reason, detail)


def text_answers(values: Sequence[Any]) -> tuple[str, ...]:
    """Answers as text, none blank, none twice."""
    return tuple(dict.fromkeys(text for value in values if value is not None and (text := str(value).strip())))


def _same(one: Side, other: Side) -> bool:
    """Equal in text, white space aside, and in the images' paths or bytes."""
    return one.text.split() == other.text.split() and [(i.path, i.data) for i in one.images] == [
        (i.path, i.data) for i in other.images
    ]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

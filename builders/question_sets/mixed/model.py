"""Questions and documents of a mixed-modal set as its reader gives them, before images are opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.images.references import Rejected, Url
from nyxqa.builders.question_sets.importers.images import ImageRef
from nyxqa.schemas.recipe_types import Split

# An image: a file, an archived file or bytes, a URL, or the reason why the reference cannot be followed.
Picture = ImageRef | Url | Rejected
Needs = Literal["any", "all"]
Repair = tuple[str, str]  # column and what was repaired


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document of a corpus.

    :param row: Ledger name of the source row.
    :param id: Its id in the corpus, by which questions name it.
    :param text: Text with one placeholder for each image.
    :param captions: Caption of each image, "" if none.
    :param caption_origin: What the captions are: ``figure``, ``alt``, ``title``, or "".
    :param needs_images: Whether the document is worth nothing without its images.
    """

    row: str
    id: str
    text: str
    images: tuple[Picture, ...] = ()
    captions: tuple[str, ...] = ()
    caption_origin: str = ""
    title: str = ""
    url: str | None = None
    license: str | None = None
    language: str | None = None
    needs_images: bool = False
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Relevant:
    """A document that a set says to answer a question: by its id, or by its content.

    :param grade: How well it answers, as the set grades; higher is better.
    """

    id: str = ""
    text: str = ""
    images: tuple[Picture, ...] = ()
    grade: int = 1


@dataclass(frozen=True, slots=True)
class SourceQuestion:
    """A question of a set.

    :param row: Ledger name of the source row.
    :param own_id: The set's id, or the row number if the set has no ids.
    :param text: Text with one placeholder for each image.
    :param answers: Accepted forms of the answer; empty if the set gives none.
    :param answer_long: The answer in full, "" if there is none.
    :param choices: Options; empty without options.
    :param label: Number of the right option, -1 if unknown.
    :param relevant: Documents that answer it.
    :param needs: Whether each of them answers alone, or all together.
    :param type: Value of column ``type``.
    :param notes: Ledger rows of parts that were left out.
    """

    row: str
    own_id: str | int
    text: str
    images: tuple[Picture, ...] = ()
    answers: tuple[str, ...] = ()
    answer_long: str = ""
    choices: tuple[str, ...] = ()
    label: int = -1
    relevant: tuple[Relevant, ...] = ()
    needs: Needs = "any"
    type: str = ""
    instruction: str = ""
    repairs: tuple[Repair, ...] = ()
    notes: tuple[Drop, ...] = ()


class MixedSource(Protocol):
    """A source of questions, of documents, or of both."""

    @property
    def kind(self) -> str:
        """Name of the format; value of column ``source``."""
        ...

    def state(self) -> Any:
        """What identifies its content in a fingerprint, as JSON types."""
        ...

    def splits(self) -> set[Split]:
        """Splits that have questions."""
        ...

    def questions(self, split: Split) -> Iterator[SourceQuestion | Drop]:
        """The questions of one split, in the order of the source."""
        ...

    def documents(self) -> Iterator[SourceDocument | Drop]:
        """The documents, in the order of the source."""
        ...

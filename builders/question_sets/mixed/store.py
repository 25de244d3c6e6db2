"""Working rows of questions and documents, with their images stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.images.decode import StoredImage, stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.fetch.places import FetchedReader
from nyxqa.builders.images.packs import PackWriter, writing_pack
from nyxqa.builders.images.references import Rejected, Url
from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.question_sets.importers.images import image_bytes
from nyxqa.builders.question_sets.mixed.model import Picture, Relevant, Repair, SourceDocument, SourceQuestion
from nyxqa.schemas.content import PLACEHOLDER, plain_text
from nyxqa.schemas.ids import query_id


def question_row(
    question: SourceQuestion, dataset: str, own_id: str | int, instruction: str, pictures: OpenPictures
) -> dict[str, Any] | Drop:
    """A row of QA_QUESTIONS, or the ledger row of a question with a dead image.

    :param own_id: Its id as it enters ``query_id``.
    :param instruction: The instruction of a question that brings none.
    """
    images = []
    for image in question.images:
        try:
            images.append(pictures.keep(image))
        except DeadImageError as error:
            return Drop("row", question.row, "", *_reason(error))
    return {
        "name": question.row,
        "query_id": query_id(dataset, own_id),
        "key": question_key(question.text, [image["image_id"] for image in images]),
        "text": question.text,
        "images": images,
        "answers": list(question.answers),
        "answer_long": question.answer_long,
        "choices": list(question.choices),
        "label": question.label,
        "type": question.type,
        "needs": question.needs,
        "instruction": question.instruction or instruction,
        "relevant": [_relevant(one, pictures) for one in question.relevant],
        "repairs": _repairs(question.repairs),
    }


def _relevant(one: Relevant, pictures: OpenPictures) -> dict[str, Any]:
    """How a known document is named: by its id, or by the key of its words and images."""
    if one.id:
        return {"id": one.id, "key": "", "grade": one.grade}
    try:
        ids = [pictures.decoded(image).image_id for image in one.images]
    except DeadImageError:
        return {"id": "", "key": "", "grade": one.grade}  # equal to no document
    return {"id": "", "key": question_key(one.text, ids), "grade": one.grade}


def document_row(
    document: SourceDocument, source: str, origin: int, license_: str | None, pictures: OpenPictures, whole: bool
) -> tuple[dict[str, Any] | Drop, list[Drop]]:
    """A row of POOL_DOCUMENTS, or why the document is dropped; and ledger rows of its dead images.

    A dead image goes with its placeholder.

    :param source: Kind of its source.
    :param origin: Number of its source among those of the pool.
    :param license_: Licence of a document that states none.
    :param whole: Whether a dead image drops the document.
    """
    kept: list[dict[str, Any]] = []
    dead: list[int] = []
    notes: list[Drop] = []
    for number, image in enumerate(document.images):
        caption = document.captions[number] if number < len(document.captions) else ""
        try:
            locator = pictures.keep(image, caption)
        except DeadImageError as error:
            if whole or document.needs_images:
                return Drop("row", document.row, "", *_reason(error)), []
            dead.append(number)
            notes.append(Drop("image", f"{document.row}:{number}", document.row, error.reason, error.detail))
        else:
            kept.append({**locator, "caption_origin": document.caption_origin if caption else ""})
    text = without_places(document.text, dead) if dead else document.text
    if dead and not kept and not plain_text(text).strip():
        reason = "missing_image" if all(note.reason == "missing_file" for note in notes) else "dead_image"
        return Drop("row", document.row, "", reason, f"neither text nor image is left: {notes[0].detail}"), []
    row = {
        "name": document.row,
        "origin": origin,
        "external_id": document.id,
        "title": document.title,
        "text": text,
        "images": kept,
        "url": document.url,
        "license": document.license or license_,
        "language": document.language,
        "source": source,
        "repairs": _repairs(document.repairs),
    }
    return row, notes


def without_places(text: str, places: Sequence[int]) -> str:
    """Text without the placeholders of these numbers, and without the line ends that followed them."""
    first, *pieces = text.split(PLACEHOLDER)
    out = [first]
    for number, piece in enumerate(pieces):
        out.append(piece.removeprefix("\n") if number in places else PLACEHOLDER + piece)
    return "".join(out)


def _reason(error: DeadImageError) -> tuple[str, str]:
    """Ledger reason and detail of a row that goes with its image."""
    reason = "missing_image" if error.reason == "missing_file" else "dead_image"
    return reason, f"{error.reason}: {error.detail}"


def _repairs(repairs: Sequence[Repair]) -> list[dict[str, str]]:
    return [{"column": column, "repair": repair} for column, repair in repairs]


@dataclass(frozen=True)
class PictureStore:
    """Where images are stored, and what limits them; picklable.

    :param folder: Folder of the image packs.
    :param fetched: Folder of the images at URLs; None if these are not fetched.
    """

    folder: Path
    max_bytes: int
    max_pixels: int
    fetched: Path | None

    @contextmanager
    def writing(self, shard: int) -> Iterator[OpenPictures]:
        """The pack of one shard, which is complete or absent afterwards."""
        with writing_pack(self.folder, shard) as pack, FetchedReader(self.fetched or Path()) as fetched:
            yield OpenPictures(self, pack, fetched)


@dataclass(frozen=True)
class OpenPictures:
    """Stores the images of one shard."""

    store: PictureStore
    pack: PackWriter
    fetched: FetchedReader

    def keep(self, picture: Picture, caption: str = "") -> dict[str, Any]:
        """Store an image and give its locator with its caption and URL.

        :raises DeadImageError: If it cannot be read or stored.
        """
        url = picture.url if isinstance(picture, Url) else None
        return {**self.pack.add(self.decoded(picture)), "caption": caption, "url": url}

    def decoded(self, picture: Picture) -> StoredImage:
        """The stored form of an image, without storing it.

        :raises DeadImageError: If it cannot be read.
        """
        return stored_image(self._bytes(picture), self.store.max_pixels)

    def _bytes(self, picture: Picture) -> bytes:
        if isinstance(picture, Rejected):
            raise DeadImageError(picture.reason, picture.detail)
        if isinstance(picture, Url):
            if self.store.fetched is None:
                raise DeadImageError("not_fetched", picture.url)
            return self.fetched.read(picture.url)
        return image_bytes(picture, self.store.max_bytes)

"""Store the images of imported rows, and make triplets of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.images.decode import stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.packs import PackWriter
from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.question_sets.importers.images import image_bytes
from nyxqa.builders.question_sets.importers.repair import ImportedRow, Side, lost_negative
from nyxqa.schemas.content import kind_of
from nyxqa.schemas.ids import doc_id, query_id

MINER = "imported"


@dataclass(frozen=True)
class ImageStore:
    """Where images are stored, and their limits in bytes and pixels.

    :param folder: Folder of the image packs.
    """

    folder: Path
    max_bytes: int
    max_pixels: int


@dataclass(frozen=True)
class TripletWriter:
    """Stores the images of one row and makes it a triplet.

    :param pack: The open pack of the row's shard.
    :param name: Name of the row in the ledger.
    :param notes: Receives a ledger row for each dropped negative.
    """

    store: ImageStore
    pack: PackWriter
    name: str
    notes: list[Drop]

    def triplet(self, row: ImportedRow) -> dict[str, Any]:
        """The row as a triplet (a row of SET_TRIPLETS).

        :raises DeadImageError: If its query or positive has a dead image.
        """
        query = self._images(row.query)
        positive = self._document(row.positive)
        negatives = self._negatives(row, positive)
        documents = [positive, *negatives]
        return {
            "name": self.name,
            "key": question_key(row.query.text, [image["image_id"] for image in query]),
            "query_id": query_id(row.dataset, row.own_id),
            "dataset": row.dataset,
            "pool": row.dataset.partition("/")[0],
            "instruction": "",
            "query": row.query.text,
            "query_images": query,
            "answers": list(row.answers),
            "positive_id": positive["doc_id"],
            "positives": [{"doc_id": positive["doc_id"], "rank": None, "score": None, "origin": "imported"}],
            "negative_ids": [document["doc_id"] for document in negatives],
            "negative_ranks": [None] * len(negatives),
            "negative_scores": [None] * len(negatives),
            "miner": MINER,
            "kind": kind_of(len(positive["images"])),
            "documents": documents,
            "holds": None,
            "excluded": [],
            "repairs": [{"column": column, "repair": repair} for column, repair in row.repairs],
            "lost": [note.reason for note in self.notes],
            "answer_long": "",
            "choices": list(row.choices),
            "label": -1 if row.label is None else row.label,
            "type": "",
            "page_id": "",
            "source": "",
            "grades": [],
            "needs": "any",
        }

    def _negatives(self, row: ImportedRow, positive: dict[str, Any]) -> list[dict[str, Any]]:
        """Negatives whose images are readable and whose content differs from the positive and from earlier ones."""
        seen = {_content_key(positive)}
        documents = []
        for number, side in enumerate(row.negatives):
            try:
                document = self._document(side)
            except DeadImageError as error:
                self.notes.append(lost_negative(self.name, number, "dead_image", f"{error.reason}: {error.detail}"))
                continue
            if _content_key(document) in seen:
                same = "the words and images of the positive or an earlier negative"
                self.notes.append(lost_negative(self.name, number, "same_content", same))
            else:
                seen.add(_content_key(document))
                documents.append(document)
        return documents

    def _document(self, side: Side) -> dict[str, Any]:
        images = self._images(side)
        own = doc_id(side.text, (image["image_id"] for image in images))
        return {"doc_id": own, "row": None, "text": side.text, "images": images}

    def _images(self, side: Side) -> list[dict[str, Any]]:
        return [
            {
                **self.pack.add(stored_image(image_bytes(image, self.store.max_bytes), self.store.max_pixels)),
                "caption": "",
                "url": None,
            }
            for image in side.images
        ]


def _content_key(document: dict[str, Any]) -> str:
    return question_key(document["text"], [image["image_id"] for image in document["images"]])

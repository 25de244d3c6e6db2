"""Stage ``import.KIND``: read the rows of published datasets as triplets and store their images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.images.decode import stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.packs import PackWriter, writing_pack
from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.question_sets.importers.files import sources_of
from nyxqa.builders.question_sets.importers.images import ImageRef
from nyxqa.builders.question_sets.importers.kinds import import_rows
from nyxqa.builders.question_sets.importers.repair import ImportedRow, Side, lost_negative
from nyxqa.builders.question_sets.row_schemas import SET_TRIPLETS
from nyxqa.builders.question_sets.row_source import file_state
from nyxqa.builders.stages.names import SOURCE, import_stage
from nyxqa.schemas.content import kind_of
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import doc_id, query_id
from nyxqa.schemas.recipe import Images, Import
from nyxqa.schemas.recipe_types import Split

VERSION = 1
MINER = "imported"
# A shard ends at this many rows, or at this many bytes of images that the dataset's own files hold.
_SHARD_ROWS = 256
_SHARD_BYTES = 64 << 20


@dataclass(frozen=True)
class ImportBatch:
    """Rows of one shard.

    :param section: Index of their recipe section among those of one kind.
    """

    shard: int
    section: int
    rows: list[ImportedRow | Drop]


@dataclass(frozen=True)
class ImageStore:
    """Where images are stored, and their limits in bytes and pixels.

    :param folder: Folder of the image packs.
    """

    folder: Path
    max_bytes: int
    max_pixels: int


def import_sets(run: Run, sections: Sequence[Import], split: Split, images: Images) -> StepOutput | None:
    """Triplets of one split of all sections of one kind (rows of SET_TRIPLETS); None if they have no such split."""
    files = [
        [number, source.subset, *file_state(file)]
        for number, section in enumerate(sections)
        for source in sources_of(section, split)
        for file in source.files
    ]
    if not files:
        return None
    limits = section_params(images, ("max_bytes", "max_pixels"))
    params = {"files": files, "generation": run.generation(SOURCE), **limits}
    step = Step(import_stage(sections[0].kind), VERSION, params, (), split, "row", "triplet")
    store = ImageStore(run.folder(step), **limits)
    return run.map(step, partial(store_rows, store), partial(_batches, sections, split), SET_TRIPLETS)


def _batches(sections: Sequence[Import], split: Split) -> Iterator[ImportBatch]:
    shard = 0
    for number, section in enumerate(sections):
        rows: list[ImportedRow | Drop] = []
        size = 0
        images = Path(section.images) if section.images is not None else None
        for row in import_rows(section.kind, Path(section.path), images, split):
            rows.append(row)
            size += (
                0 if isinstance(row, Drop) else sum(len(image.data) for side in _sides(row) for image in side.images)
            )
            if len(rows) >= _SHARD_ROWS or size >= _SHARD_BYTES:
                yield ImportBatch(shard, number, rows)
                shard, rows, size = shard + 1, [], 0
        if rows:
            yield ImportBatch(shard, number, rows)
            shard += 1


def _sides(row: ImportedRow) -> list[Side]:
    return [row.query, row.positive, *row.negatives]


def store_rows(store: ImageStore, batch: ImportBatch) -> ShardOutput:
    """Rows of a batch as triplets; one whose query or positive has a dead image is dropped."""
    prefix = f"{batch.section}/" if batch.section else ""  # sections of one kind may hold files of equal names
    account = Account([prefix + _name(row) for row in batch.rows])
    rows = []
    with writing_pack(store.folder, batch.shard) as pack:
        for row in batch.rows:
            name = prefix + _name(row)
            if isinstance(row, Drop):
                account.dropped.append(Drop("row", name, "", row.reason, row.detail))
                continue
            notes = [Drop(n.item_type, prefix + n.item_id, name, n.reason, n.detail) for n in row.notes]
            try:
                rows.append(_RowWriter(store, pack, name, notes).triplet(row))
                account.notes += notes
            except DeadImageError as error:
                account.dropped.append(Drop("row", name, "", "dead_image", f"{error.reason}: {error.detail}"))
    account.parents = [row["name"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=SET_TRIPLETS), account)


def _name(row: ImportedRow | Drop) -> str:
    return row.item_id if isinstance(row, Drop) else row.name


@dataclass(frozen=True)
class _RowWriter:
    """Stores the images of one row and makes it a triplet.

    :param notes: Receives a ledger row for each dropped negative.
    """

    store: ImageStore
    pack: PackWriter
    name: str
    notes: list[Drop]

    def triplet(self, row: ImportedRow) -> dict[str, Any]:
        """The row as a triplet.

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
            {**self.pack.add(stored_image(self._bytes(image), self.store.max_pixels)), "caption": "", "url": None}
            for image in side.images
        ]

    def _bytes(self, image: ImageRef) -> bytes:
        try:
            data = image.read()
        except WorldError as error:
            raise DeadImageError("unreadable", image.path) from error
        if len(data) > self.store.max_bytes:
            raise DeadImageError("too_many_bytes", f"{len(data)} bytes, at most {self.store.max_bytes}")
        return data


def _content_key(document: dict[str, Any]) -> str:
    return question_key(document["text"], [image["image_id"] for image in document["images"]])

"""Stage ``passages.POOL`` of a pool of documents: read its sources, store their images, each content once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from nyxqa.builders.engine.accounting import Account, Counts, Drop, ShardOutput
from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import DropWriter
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.images.fetch.places import placed
from nyxqa.builders.images.references import Url
from nyxqa.builders.question_sets.importers.images import ImageRef
from nyxqa.builders.question_sets.mixed.factory import open_mixed
from nyxqa.builders.question_sets.mixed.model import Picture, SourceDocument
from nyxqa.builders.question_sets.mixed.store import PictureStore, document_row
from nyxqa.builders.question_sets.outputs import POOL_DOCUMENTS
from nyxqa.builders.question_sets.passage_pool import write_pool
from nyxqa.builders.question_sets.passages import Passage, read_passages
from nyxqa.builders.question_sets.pools import PoolPlan, PoolSource
from nyxqa.builders.report.funnel import largest_loss
from nyxqa.builders.stages.fetch import fetch_urls, store_folder
from nyxqa.builders.stages.names import SOURCE, pool_stage
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Images
from nyxqa.schemas.sql import file_list

VERSION = 1
# A shard ends at this many rows, images, or bytes of images that the sources' own files hold.
_SHARD_ROWS = 512
_SHARD_IMAGES = 256
_SHARD_BYTES = 64 << 20


@dataclass(frozen=True)
class DocumentBatch:
    """Documents of one shard, each with the number of its source."""

    shard: int
    documents: list[tuple[int, SourceDocument | Drop]]


def documents(run: Run, plan: PoolPlan, images: Images) -> tuple[StepOutput, StepOutput]:
    """A pool of documents, in a folder for ``PassagePool``, and the rows that were read for it.

    :raises WorldError: If a source is missing, or no document is left.
    """
    sources = [[source.kind, source.state(), source.license] for source in plan.sources]
    limits = section_params(images, ("max_bytes", "max_pixels", "on_dead"))
    params: dict[str, Any] = {"sources": sources, "generation": run.generation(SOURCE), **limits}
    inputs: tuple[str, ...] = ()
    if any(source.mixed for source in plan.sources):
        urls = partial(_urls, plan)
        inputs = (fetch_urls(run, f"{pool_stage(plan.name)}/fetch", {"sources": sources}, urls, images).fingerprint,)
    step = Step(f"{pool_stage(plan.name)}/read", VERSION, params, inputs, unit_in="row", unit_out="row")
    fetched = store_folder(run, images) if images.fetch else None
    store = PictureStore(run.folder(step), images.max_bytes, images.max_pixels, fetched)
    reader = DocumentReader(store, plan.sources, images.on_dead == "page")
    read = run.map(step, reader.rows, placed(fetched, partial(_batches, plan)), POOL_DOCUMENTS)
    whole = Step(pool_stage(plan.name), VERSION, {}, (read.fingerprint,), unit_in="row", unit_out="document")
    return run.run_once(whole, partial(write_documents, whole, read)), read


def _documents(plan: PoolPlan) -> Iterator[tuple[int, SourceDocument | Drop]]:
    for number, source in enumerate(plan.sources):
        for document in open_mixed(source.spec).documents() if source.mixed else _passages(source):
            yield number, document


def _passages(source: PoolSource) -> Iterator[SourceDocument | Drop]:
    for passage in read_passages(source.spec):
        if isinstance(passage, Drop):
            yield passage
        else:
            yield SourceDocument(passage.name, passage.id, passage.text, title=passage.title)


def _urls(plan: PoolPlan) -> Iterator[str]:
    found = (document for _, document in _documents(plan) if isinstance(document, SourceDocument))
    yield from (image.url for document in found for image in document.images if isinstance(image, Url))


def _batches(plan: PoolPlan) -> Iterator[DocumentBatch]:
    """Batches; names of rows that two sources have are kept apart by the number of the source."""
    shard, images, size = 0, 0, 0
    batch: list[tuple[int, SourceDocument | Drop]] = []
    for number, document in _documents(plan):
        batch.append((number, document))
        if isinstance(document, SourceDocument):
            images += len(document.images)
            size += held_bytes(document.images)
        if len(batch) >= _SHARD_ROWS or images >= _SHARD_IMAGES or size >= _SHARD_BYTES:
            yield DocumentBatch(shard, batch)
            shard, images, size, batch = shard + 1, 0, 0, []
    if batch:
        yield DocumentBatch(shard, batch)


def held_bytes(images: tuple[Picture, ...]) -> int:
    """Bytes of images that are in memory already."""
    return sum(len(image.data) for image in images if isinstance(image, ImageRef))


@dataclass(frozen=True)
class DocumentReader:
    """Makes rows of the documents of a batch.

    :param whole: Whether a dead image drops its document.
    """

    store: PictureStore
    sources: tuple[PoolSource, ...]
    whole: bool

    def rows(self, batch: DocumentBatch) -> ShardOutput:
        """Rows of POOL_DOCUMENTS."""
        names = [self._name(number, document) for number, document in batch.documents]
        account = Account(names)
        rows: list[dict[str, Any]] = []
        with self.store.writing(batch.shard) as pictures:
            for name, (number, document) in zip(names, batch.documents, strict=True):
                if isinstance(document, Drop):
                    account.dropped.append(Drop("row", name, "", document.reason, document.detail))
                    continue
                source = self.sources[number]
                row, notes = document_row(document, source.kind, number, source.license, pictures, self.whole)
                if isinstance(row, Drop):
                    account.dropped.append(Drop("row", name, "", row.reason, row.detail))
                    continue
                rows.append({**row, "name": name})
                prefix = name.removesuffix(document.row)
                account.notes += [
                    Drop(note.item_type, prefix + note.item_id, name, note.reason, note.detail) for note in notes
                ]
        account.parents = [row["name"] for row in rows]
        return ShardOutput(pa.Table.from_pylist(rows, schema=POOL_DOCUMENTS), account)

    def _name(self, number: int, document: SourceDocument | Drop) -> str:
        """Ledger name of a row: of the second source on, with the number of its source."""
        own = document.item_id if isinstance(document, Drop) else document.row
        return f"{number}/{own}" if number else own


def write_documents(step: Step, read: StepOutput, folder: Path) -> Counts:
    """Write the pool, with its images beside it, and its ledger.

    :raises WorldError: If no document is left.
    """
    drops = DropWriter(step, folder)
    count = write_pool(map(_passage, read.rows()), folder, drops.add, detailed=True)
    drops.flush()
    if not count:
        with database(folder) as db:
            files = [*read.ledgers(), *drops.files]
            why = largest_loss(db, [], "", f"read_parquet({file_list(files)})" if files else "")
        raise WorldError(f"{step.name}: its sources have no document: {why}")
    for pack in sorted(read.folder.glob("pack-*.bin")):
        _link(pack, folder / pack.name)
    return Counts(count + drops.count, count, drops.count, 0, count)


def _link(source: Path, target: Path) -> None:
    """The same file under a second name, or a copy where the file system has no such links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _passage(row: dict[str, Any]) -> Passage:
    return Passage(
        row["name"],
        row["external_id"],
        row["title"],
        row["text"],
        tuple(row["images"]),
        row["url"],
        row["license"],
        row["language"],
        row["source"],
        row["origin"],
    )

"""Stage ``import.KIND``: read the rows of published datasets as triplets and store their images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.packs import writing_pack
from nyxqa.builders.question_sets.importers.kinds import import_rows
from nyxqa.builders.question_sets.importers.repair import ImportedRow, Side
from nyxqa.builders.question_sets.importers.triplets import ImageStore, TripletWriter, sources_of
from nyxqa.builders.question_sets.outputs import QA_ROWS, SET_TRIPLETS
from nyxqa.builders.question_sets.row_source import file_state
from nyxqa.builders.stages.names import SOURCE, import_stage
from nyxqa.schemas.recipe import Images, Import
from nyxqa.schemas.recipe_types import Split

VERSION = 2
_OPTIONS_VERSION = 3
_WITH_OPTIONS = "nyxqa_published"  # the kind whose rows have options
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
    kind = sections[0].kind
    version, schema = (_OPTIONS_VERSION, QA_ROWS) if kind == _WITH_OPTIONS else (VERSION, SET_TRIPLETS)
    step = Step(import_stage(kind), version, params, (), split, "row", "triplet")
    store = ImageStore(run.folder(step), **limits)
    return run.map(step, partial(store_rows, store, schema), partial(_batches, sections, split), schema)


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


def store_rows(store: ImageStore, schema: pa.Schema, batch: ImportBatch) -> ShardOutput:
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
                rows.append(TripletWriter(store, pack, name, notes).triplet(row))
                account.notes += notes
            except DeadImageError as error:
                account.dropped.append(Drop("row", name, "", "dead_image", f"{error.reason}: {error.detail}"))
    account.parents = [row["name"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=schema), account)


def _name(row: ImportedRow | Drop) -> str:
    return row.item_id if isinstance(row, Drop) else row.name

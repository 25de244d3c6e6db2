"""Arrow copies of published splits in the cache of ``datasets``: mapped into memory, never stale.

A copy's folder is named by a hash of its Parquet files as the manifest lists them (path, SHA-256, rows) and as they
lie on disk (size, time), so a dataset rebuilt in place gets new copies; old ones may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nyxqa.schemas.errors import FormatError, LawError, WorldError
from nyxqa.schemas.files import replacing
from nyxqa.schemas.loading import arrow_layouts
from nyxqa.schemas.loading.earlier_format import read_batches
from nyxqa.schemas.loading.id_index import IdTable, RowGatherer
from nyxqa.schemas.loading.published import Published
from nyxqa.schemas.loading.required_values import require_images, require_values
from nyxqa.schemas.tables import TABLES
from nyxqa.schemas.writing import IMAGE_GROUP_ROWS

_VERSION = 3
_PLAIN_ROWS = 4096
_FOLLOW_TRIPLETS = ("mixture", "feedback")


@dataclass(frozen=True)
class Layout:
    """Contents of a copy.

    :param joined: Whether sides of rows are references, to be looked up on access.
    :param with_bytes: Whether image bytes are copied; otherwise rows hold image ids.
    """

    joined: bool
    with_bytes: bool

    @property
    def name(self) -> str:
        """Stem of the copy's file."""
        return ("joined" if self.joined else "stored") + ("" if self.with_bytes else "-plain")


def arrow_copy(published: Published, table: str, split: str, layout: Layout) -> Path | None:
    """The Arrow file of one split, written on first use; None for a split without rows.

    :raises LawError: If a row of ``mixture`` or ``feedback`` names a missing triplet.
    :raises WorldError: If the cache cannot be written.
    """
    if not published.files(table, split):
        return None
    follows = layout.joined and table in _FOLLOW_TRIPLETS
    key = _key(published, [(table, split), *(_followed(table) if follows else [])])
    file = _cache_folder() / f"{table}-{split}-{key}" / f"{layout.name}.arrow"
    _once(file, lambda: _write(file, arranged(published, table, split, layout)))
    return file


def made_once(
    published: Published, table: str, split: str, name: str, batches: Callable[[], Iterator[pa.RecordBatch]]
) -> Path:
    """A further Arrow file made of one split and all documents, written on first use.

    :raises WorldError: If the cache cannot be written.
    """
    splits = [(table, split), *(("corpus", pool) for pool in published.splits("corpus"))]
    splits += _followed(table) if table in _FOLLOW_TRIPLETS else []
    file = _cache_folder() / f"{table}-{split}-{_key(published, splits)}" / f"{name}.arrow"
    _once(file, lambda: _write(file, batches()))
    return file


def _followed(table: str) -> list[tuple[str, str]]:
    """Splits that rows of ``mixture`` or ``feedback`` name: triplets, and questions without one for feedback."""
    return [("triplets", "train"), *([("qa", "train")] if table == "feedback" else [])]


def id_table(published: Published, table: str, split: str, layout: Layout, column: str) -> IdTable | None:
    """The copy of one split with an index over its ids; None for a split without rows."""
    file = arrow_copy(published, table, split, layout)
    if file is None:
        return None
    rows = IdTable(file, column)
    _once(rows.index_file, rows.write_index)
    return rows


def arranged(published: Published, table: str, split: str, layout: Layout) -> Iterator[pa.RecordBatch]:
    """The rows of one split in a layout, in small batches; one empty batch if there are no rows."""
    batches = _stored(published, table, split, layout)
    if not layout.joined:
        yield from batches if layout.with_bytes else map(arrow_layouts.plain, batches)
    elif table == "triplets":
        yield from (arrow_layouts.joined_triplets(batch, layout.with_bytes) for batch in batches)
    elif table == "qa":
        yield from (arrow_layouts.joined_qa(batch, layout.with_bytes) for batch in batches)
    else:
        join = arrow_layouts.joined_mixture if table == "mixture" else arrow_layouts.joined_feedback
        follow = _Follow(published, layout)
        yield from (join(batch, follow(table, batch), layout.with_bytes) for batch in batches)


def _stored(published: Published, table: str, split: str, layout: Layout) -> Iterator[pa.RecordBatch]:
    known = TABLES[table]
    rows = IMAGE_GROUP_ROWS if known.has_images and layout.with_bytes else _PLAIN_ROWS
    first: pa.Schema | None = None
    for path in published.files(table, split):
        for batch in read_batches(path, known, rows, None if layout.with_bytes else arrow_layouts.plain_columns):
            if first is not None and not batch.schema.equals(first):
                raise FormatError(f"{path} has other columns than the previous file; build the dataset again")
            first = batch.schema
            require_values(known, batch, f"{table}/{split}")
            require_images(batch, f"{table}/{split}", published.by_address)
            yield batch
    if first is None:
        yield pa.RecordBatch.from_pylist([], schema=known.schema)


class _Follow:
    """Looks up the joined triplets that rows name, without the bytes of their images."""

    def __init__(self, published: Published, layout: Layout) -> None:
        self._published, self._with_bytes = published, layout.with_bytes
        self.triplets = id_table(published, "triplets", "train", layout, "query_id")
        if self.triplets is None:
            table = pa.Table.from_batches(arranged(published, "triplets", "train", layout))
        else:
            table = self.triplets.table
        self.gather = RowGatherer(arrow_layouts.without_query_images(table) if layout.with_bytes else table)

    def __call__(self, table: str, batch: pa.RecordBatch) -> pa.RecordBatch:
        ids = batch.column("query_id").to_pylist()
        rows = self.triplets.rows(ids) if self.triplets is not None else np.full(len(ids), -1)
        lost = [one for one, row in zip(ids, rows, strict=True) if row < 0]
        if not lost:
            return self.gather(rows)
        questions = self._questions.rows(lost) if table == "feedback" and self._questions is not None else None
        if questions is None or (questions < 0).any():
            nowhere = lost[0] if questions is None else lost[int(np.flatnonzero(questions < 0)[0])]
            raise LawError(f"table {table}, row {nowhere}: its query_id is not in triplets/train")
        return self._mixed(rows, questions)

    @cached_property
    def _questions(self) -> IdTable | None:
        return id_table(self._published, "qa", "train", Layout(joined=False, with_bytes=self._with_bytes), "qa_id")

    def _mixed(self, rows: npt.NDArray[np.int64], questions: npt.NDArray[np.int64]) -> pa.RecordBatch:
        """What feedback needs of its questions: of their triplets, and of questions without one from ``qa``."""
        assert self._questions is not None  # noqa: S101 - rows were found in it
        parts = [arrow_layouts.asked_questions(self._questions.table.take(pa.array(questions)), self._with_bytes)]
        there = rows >= 0
        if there.any():
            found = pa.Table.from_batches([self.gather(rows[there])])
            parts.insert(0, found.select(parts[0].schema.names).cast(parts[0].schema))
        order = np.empty(len(rows), np.int64)
        order[there] = np.arange(int(there.sum()))
        order[~there] = np.arange(int((~there).sum())) + int(there.sum())
        table = pa.concat_tables(parts).take(pa.array(order)).combine_chunks()
        return table.to_batches()[0]


def _write(file: Path, batches: Iterator[pa.RecordBatch]) -> None:
    first = next(batches)
    with replacing(file) as temporary, pa.ipc.new_stream(str(temporary), first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def _once(file: Path, make: Callable[[], None]) -> None:
    """Write ``file`` unless it exists; of several processes one writes it and the others wait."""
    from filelock import FileLock

    if file.exists():
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.parent / f".{file.name}.lock"):
            if not file.exists():
                make()
    except OSError as error:
        raise WorldError(f"cannot write the cache {file.parent}: {error}; set HF_DATASETS_CACHE") from error


def _cache_folder() -> Path:
    import datasets

    return Path(datasets.config.HF_DATASETS_CACHE).expanduser() / "nyxqa"


def _key(published: Published, splits: list[tuple[str, str]]) -> str:
    """Hash, 32 digits, over the files of some splits: their manifest entries, sizes and modification times."""
    parts: list[object] = [_VERSION]
    for table, split in splits:
        for path in published.files(table, split):
            name = path.relative_to(published.folder).as_posix()
            entry, found = published.manifest.files[name], path.stat()
            parts.append([name, entry.sha256, entry.rows, found.st_size, found.st_mtime_ns])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

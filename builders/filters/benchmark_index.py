"""Write the index of a benchmark, once a build: names, images and texts of its items."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.database import append, database
from nyxqa.builders.engine.executors.threads import thread_map
from nyxqa.builders.filters.benchmark_fields import Item
from nyxqa.builders.filters.benchmark_files import BenchmarkFile, items
from nyxqa.builders.filters.benchmark_texts import TextWriter
from nyxqa.builders.images.decode import stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.files import write_json
from nyxqa.schemas.sql import string_literal

if TYPE_CHECKING:
    import duckdb

NAMES_GROUP = 1024  # items of a row group, so that one item's name is read without the others
NAMES, IMAGES, COUNTS = "items.parquet", "images.parquet", "benchmark.json"
_NAMES = pa.schema([("file", pa.string()), ("name", pa.string())])


@dataclass
class Counts:
    """Counts of a benchmark.

    :param unusable_images: Images that are missing, broken, or larger than ``images.max_pixels``.
    :param first_unusable: The first of them, in words.
    :param lengths: Numbers of words that runs in the index have, ascending.
    """

    items: int = 0
    texts: int = 0
    images: int = 0
    unusable_images: int = 0
    first_unusable: str = ""
    lengths: list[int] = field(default_factory=list)


def write_index(files: Sequence[BenchmarkFile], max_pixels: int, folder: Path) -> None:
    """Write the index of all items; memory does not grow with their number.

    :raises WorldError: If a file cannot be read to its end, or no file holds a text or an image.
    """
    counts = Counts()
    # Each thread turns Pillow's warnings off; the filters of before are restored here.
    with database(folder) as db, warnings.catch_warnings():
        db.execute("CREATE TABLE image (image_id VARCHAR, phash BIGINT, item BIGINT)")
        with TextWriter(db, folder) as texts, pq.ParquetWriter(folder / NAMES, _NAMES, compression="zstd") as names:
            for group in _grouped(_read(files, max_pixels)):
                rows = {"file": [read.file for read in group], "name": [read.name for read in group]}
                names.write_table(pa.table(rows, _NAMES), NAMES_GROUP)
                for number, read in enumerate(group, counts.items):
                    texts.add(number, read.texts, read.has_images)
                _add_images(db, group, counts)
                counts.items += len(group)
            counts.lengths = texts.finish()
            counts.texts = texts.texts
        if not counts.texts and not counts.images:
            raise WorldError(f"filters.decontaminate: no text and no image in {', '.join(f.name for f in files)}")
        _write_images(db, folder)
    write_json(folder / COUNTS, asdict(counts))


@dataclass(frozen=True, slots=True)
class _Read:
    """An item without the bytes of its images.

    :param images: Id and perceptual hash of each usable image.
    :param dead: For each other image, why it cannot be used.
    """

    file: str
    name: str
    texts: tuple[str, ...]
    images: list[tuple[str, int]]
    dead: list[str]

    @property
    def has_images(self) -> bool:
        return bool(self.images or self.dead)


def _read(files: Sequence[BenchmarkFile], max_pixels: int) -> Iterator[_Read]:
    """Items with their images decoded in threads, a few items ahead."""

    def decoded(task: tuple[str, Item]) -> _Read:
        file, item = task
        read = _Read(file, item.name, item.texts, [], ["is not there"] * item.missing)
        for image in item.images:
            try:
                stored = stored_image(image if isinstance(image, bytes) else image.read_bytes(), max_pixels)
                read.images.append((stored.image_id, stored.phash))
            except DeadImageError as error:
                read.dead.append(f"is {error}")
            except OSError as error:
                read.dead.append(f"cannot be read: {error.strerror}")
        return read

    tasks = ((file.name, item) for file in files for item in items(file))
    return thread_map(decoded, tasks, os.cpu_count() or 1)


def _grouped(read: Iterable[_Read]) -> Iterator[list[_Read]]:
    group: list[_Read] = []
    for item in read:
        group.append(item)
        if len(group) == NAMES_GROUP:
            yield group
            group = []
    if group:
        yield group


def _add_images(db: duckdb.DuckDBPyConnection, group: Sequence[_Read], counts: Counts) -> None:
    rows = [
        {"image_id": image_id, "phash": phash, "item": number}
        for number, read in enumerate(group, counts.items)
        for image_id, phash in read.images
    ]
    if rows:
        append(db, "image", pa.Table.from_pylist(rows))
    counts.images += len(rows)
    for read in group:
        if read.dead and not counts.unusable_images:
            counts.first_unusable = f"an image of {titled(read.file, read.name)} {read.dead[0]}"
        counts.unusable_images += len(read.dead)


def titled(file: str, name: str) -> str:
    """The file of an item and its id, line or row, as messages and the ledger show it."""
    return f"{file} {name}".strip()


def _write_images(db: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the distinct images, each with the first item that has it."""
    images = "SELECT image_id, any_value(phash) AS phash, min(item) AS item FROM image GROUP BY image_id ORDER BY item"
    file = string_literal(str(folder / IMAGES))
    db.execute(f"COPY ({images}, image_id) TO {file} (FORMAT parquet)")

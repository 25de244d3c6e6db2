"""The benchmark's items as arrays on disk, written once a build."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.dedup.shingles import run_hashes, run_starts
from nyxqa.builders.dedup.word_hashes import I64, word_hashes
from nyxqa.builders.engine.database import append, arrow_batches, database
from nyxqa.builders.engine.executors.threads import thread_map
from nyxqa.builders.filters.benchmark_fields import Item
from nyxqa.builders.filters.benchmark_files import BenchmarkFile, items
from nyxqa.builders.images.decode import stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.files import write_json
from nyxqa.schemas.sql import string_literal
from nyxqa.schemas.words import words

if TYPE_CHECKING:
    import duckdb

RUN = 13  # words in a row that make an overlap (GPT-3, arXiv 2005.14165, appendix C)
SHORTEST = 5  # words of an item that is looked for inside a text; a shorter one must be the whole question
NAMES_GROUP = 1024  # items of a row group, so that one item's name is read without the others
NAMES, IMAGES, COUNTS = "items.parquet", "images.parquet", "benchmark.json"
WORDS, STARTS, OWNERS, HASHES, PLACES = "words.bin", "starts.bin", "owners.bin", "hashes.bin", "places.bin"
_NAMES = pa.schema([("file", pa.string()), ("name", pa.string())])
_BATCH_CHARACTERS = 1 << 20  # the arrays made from a batch take some 60 times as much
_PLACEHOLDER = re.compile(r"<\|?image(?:[_ ]?\d+)?\|?>")


@dataclass
class Counts:
    """What the benchmark holds.

    :param unusable_images: Images that are missing, broken, or larger than ``images.max_pixels``.
    :param first_unusable: The first of them.
    :param lengths: Numbers of words that runs in the index have, ascending.
    """

    items: int = 0
    texts: int = 0
    images: int = 0
    unusable_images: int = 0
    first_unusable: str = ""
    lengths: list[int] = field(default_factory=list)


def plain_text(text: str) -> str:
    """``text`` without what stands for images, which is no word of it."""
    return _PLACEHOLDER.sub(" ", text)


def write_index(files: Sequence[BenchmarkFile], max_pixels: int, folder: Path) -> None:
    """Write the index of all items; memory does not grow with their number.

    :raises WorldError: If a file cannot be read to its end, or none holds a text or an image.
    """
    counts = Counts()
    # Pillow's warnings are turned off in each thread; what the filters were before is put back here.
    with database(folder) as db, warnings.catch_warnings():
        db.execute("CREATE TABLE gram (hash UBIGINT, place BIGINT, length INTEGER)")
        db.execute("CREATE TABLE image (image_id VARCHAR, phash BIGINT, item BIGINT)")
        with _TextWriter(db, folder) as texts, pq.ParquetWriter(folder / NAMES, _NAMES, compression="zstd") as names:
            for group in _grouped(_read(files, max_pixels)):
                rows = {"file": [read.file for read in group], "name": [read.name for read in group]}
                names.write_table(pa.table(rows, _NAMES), NAMES_GROUP)
                for number, read in enumerate(group, counts.items):
                    texts.add(number, read.texts, read.pictured)
                _add_images(db, group, counts)
                counts.items += len(group)
            texts.flush()
            counts.texts = texts.texts
        if not counts.texts and not counts.images:
            raise WorldError(f"filters.decontaminate: no text and no image in {', '.join(f.name for f in files)}")
        counts.lengths = [n for (n,) in db.execute("SELECT DISTINCT length FROM gram ORDER BY length").fetchall()]
        _finish(db, folder)
    write_json(folder / COUNTS, asdict(counts))


@dataclass(frozen=True, slots=True)
class _Read:
    """An item less the bytes of its images.

    :param images: Id and perceptual hash of each.
    :param dead: Of each other image that it has or refers to, why it is none.
    """

    file: str
    name: str
    texts: tuple[str, ...]
    images: list[tuple[str, int]]
    dead: list[str]

    @property
    def pictured(self) -> bool:
        return bool(self.images or self.dead)


def _read(files: Sequence[BenchmarkFile], max_pixels: int) -> Iterator[_Read]:
    """Items whose images were decoded in threads, a few ahead."""

    def known(task: tuple[str, Item]) -> _Read:
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
    return thread_map(known, tasks, os.cpu_count() or 1)


def _grouped(read: Iterable[_Read]) -> Iterator[list[_Read]]:
    group: list[_Read] = []
    for one in read:
        group.append(one)
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
    """An item for people: its file and its id, line or row."""
    return f"{file} {name}".strip()


class _TextWriter:
    """Writes texts as lines of words, and the hashes of their runs with the place where each run starts."""

    def __init__(self, db: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self._db = db
        self._files: dict[str, BinaryIO] = {name: (folder / name).open("wb") for name in (WORDS, STARTS, OWNERS)}
        self._waiting: list[tuple[int, str]] = []
        self._characters = 0
        self._end = 0
        self.texts = 0

    def __enter__(self) -> _TextWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, number: int, texts: Sequence[str], pictured: bool) -> None:
        """Take the texts of an item; a few words beside an image ask nothing without it."""
        for text in texts:
            plain = plain_text(text)
            if pictured and len(words(plain)) < SHORTEST:
                continue
            self._waiting.append((number, plain))
            self._characters += len(plain)
            if self._characters >= _BATCH_CHARACTERS:
                self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        texts = [text for _, text in self._waiting]
        hashes, counts = word_hashes(texts)
        places = self._write_words(texts, counts)
        firsts = np.cumsum(counts) - counts
        some = counts > 0
        np.array([number for number, _ in self._waiting], np.int64)[some].tofile(self._files[OWNERS])
        places[firsts[some]].tofile(self._files[STARTS])
        for length in range(1, RUN + 1):
            starts = run_starts(counts, RUN) if length == RUN else firsts[counts == length]
            rows = {"hash": run_hashes(hashes, starts, length), "place": places[starts]}
            if len(starts):
                append(self._db, "gram", pa.table({**rows, "length": np.full(len(starts), length, np.int32)}))
        self.texts += int(some.sum())
        self._waiting, self._characters = [], 0

    def _write_words(self, texts: Sequence[str], counts: I64) -> I64:
        """Append a line for each text that has words; returns the byte at which each word starts."""
        sizes = np.zeros(int(counts.sum()), np.int64)
        first = 0
        for text, count in zip(texts, counts.tolist(), strict=True):
            if count:
                encoded = [word.encode("utf-8", "surrogatepass") for word in words(text)]
                self._files[WORDS].write(b" ".join(encoded) + b"\n")
                sizes[first : first + count] = [len(word) + 1 for word in encoded]
                first += count
        ends = self._end + np.cumsum(sizes)
        self._end = int(ends[-1]) if len(ends) else self._end
        return np.asarray(ends - sizes, np.int64)


def _finish(db: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the runs in order of their hashes, each with its first place, and the images, each with its first item."""
    query = "SELECT hash, min(place) AS place FROM gram GROUP BY hash ORDER BY hash"
    with (folder / HASHES).open("wb") as hashes, (folder / PLACES).open("wb") as places:
        for batch in arrow_batches(db, query, 1 << 16):
            batch.column("hash").to_numpy().tofile(hashes)
            batch.column("place").to_numpy().tofile(places)
    images = "SELECT image_id, any_value(phash) AS phash, min(item) AS item FROM image GROUP BY image_id ORDER BY item"
    file = string_literal(str(folder / IMAGES))
    db.execute(f"COPY ({images}, image_id) TO {file} (FORMAT parquet)")

"""Documents as the search sees them: numbers in order of id, distinct texts, distinct images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nyxqa.builders.dedup.arrow_arrays import arrow_array, arrow_table, cast_array, list_parts, numbers
from nyxqa.builders.dedup.band_keys import BandKeys
from nyxqa.builders.dedup.compiled import prepare
from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.inputs import Source, documents, text_bytes
from nyxqa.builders.dedup.minhash import Banding
from nyxqa.builders.dedup.shingle_store import SetStore, append_sets
from nyxqa.builders.dedup.sketch import sketch_texts
from nyxqa.builders.dedup.word_hashes import U64
from nyxqa.builders.engine.executors.threads import thread_map
from nyxqa.schemas.errors import UsageError

_COMMIT_BATCHES = 32  # at most so many batches are redone after a kill


@dataclass(frozen=True)
class Columns:
    """Names of the input's columns; None for a column it does not have.

    :param tokens: Size of a text, by which survivors are chosen; None: the number of its words.
    :param side: The side the document is on, such as its split; in a search for what to keep, its preference.
    """

    id: str
    text: str
    phashes: str | None
    tokens: str | None
    side: str | None = None

    @property
    def names(self) -> list[str]:
        """The names that are given."""
        columns = (self.id, self.text, self.phashes, self.tokens, self.side)
        return [name for name in columns if name is not None]


def read_documents(
    database: Database, file: Path, source: Source, columns: Columns, shingle: int, layout: Banding | None
) -> None:
    """Fill the tables ``item`` and ``image`` and the file of shingle sets; continues where a stopped run ended.

    :param layout: How texts are banded, for the keys in ``band_file(file)``; None for no bands.
    """
    database.run(
        "CREATE TABLE IF NOT EXISTS item (position BIGINT, id VARCHAR, side VARCHAR, start BIGINT, size BIGINT, "
        "key_a UBIGINT, key_b UBIGINT, tokens BIGINT, images BIGINT)"
    )
    database.run("CREATE TABLE IF NOT EXISTS image (position BIGINT, phash BIGINT)")
    database.run("CREATE TABLE IF NOT EXISTS progress (batches BIGINT, shingles BIGINT, positions BIGINT)")
    if database.number("SELECT count(*) FROM done WHERE step = 'read'"):
        return
    prepare(text_bytes(source, columns.text))
    state = database.rows("SELECT batches, shingles, positions FROM progress")
    done, shingles, position = state[0] if state else (0, 0, 0)

    def sketch(batch: pa.RecordBatch) -> _Sketch:
        return _sketch(batch, columns, shingle, layout)

    batches = islice(documents(source, columns.names, columns.text), done, None)
    bands = layout.bands if layout else 0
    with _continued(file, shingles * 8) as sets, _continued(band_file(file), position * bands * 8) as keys:
        results = thread_map(sketch, batches, database.limits.threads)
        while first := next(results, None):
            items, images = [], []
            # Written at once, so that the next batch finds the memory free.
            for part in chain([first], islice(results, _COMMIT_BATCHES - 1)):
                items.append(_shifted(part.items, position, shingles))
                images.append(_shifted(part.images, position, shingles))
                append_sets(sets, part.shingles)
                part.keys.tofile(keys)
                position, shingles, done = position + len(part.items), shingles + len(part.shingles), done + 1
            sets.flush()
            keys.flush()
            with database.transaction():
                database.append("item", pa.concat_tables(items))
                database.append("image", pa.concat_tables(images))
                database.run("DELETE FROM progress")
                database.run("INSERT INTO progress VALUES (?, ?, ?)", [done, shingles, position])
    database.once("read", lambda: _check_ids(database))


def band_file(sets: Path) -> Path:
    """The file of band keys beside that of the shingle sets."""
    return sets.with_name("bands.bin")


@contextmanager
def _continued(file: Path, size: int) -> Iterator[BinaryIO]:
    """``file``, made if missing, to write on behind its first ``size`` bytes."""
    with file.open("r+b" if file.exists() else "w+b") as stream:
        stream.truncate(size)
        stream.seek(0, 2)
        yield stream


def _check_ids(database: Database) -> None:
    for name, rows in database.rows(
        "SELECT id, count(*) FROM item GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 1"
    ):
        raise UsageError(f"the id {name!r} occurs in {rows} rows: ids must be unique")


@dataclass(frozen=True)
class _Sketch:
    """Rows of ``item`` and ``image`` of one batch, counted from its own start, its shingle sets and band keys."""

    items: pa.Table
    images: pa.Table
    shingles: U64
    keys: U64  # [documents, bands]


def _shifted(rows: pa.Table, position: int, shingles: int) -> pa.Table:
    """``rows`` of a batch, counted from the start of the input."""
    for name, offset in (("position", position), ("start", shingles)):
        place = rows.schema.get_field_index(name)
        if place >= 0:
            rows = rows.set_column(place, name, arrow_array(numbers(rows[name]) + offset))
    return rows


def _sketch(batch: pa.RecordBatch, columns: Columns, shingle: int, layout: Banding | None) -> _Sketch:
    sketch = sketch_texts(batch.column(columns.text), shingle, layout)
    sets = sketch.sets
    positions = np.arange(batch.num_rows)
    counts, phashes = np.zeros(batch.num_rows, np.int64), arrow_array(np.zeros(0, np.int64))
    if columns.phashes:
        counts, found = list_parts(batch.column(columns.phashes))
        phashes = cast_array(found, pa.int64())
    item: dict[str, NDArray[Any] | pa.Array] = {
        "position": positions,
        "id": cast_array(batch.column(columns.id), pa.string()),
        "start": np.cumsum(sets.sizes) - sets.sizes,
        "size": sets.sizes,
        "key_a": sketch.set_keys[0],
        "key_b": sketch.set_keys[1],
        "tokens": batch.column(columns.tokens).cast(pa.int64()) if columns.tokens else sets.words,
        "images": counts,
    }
    if columns.side:
        item["side"] = batch.column(columns.side).cast(pa.string())
    images = arrow_table({"position": np.repeat(positions, counts), "phash": phashes})
    return _Sketch(arrow_table(item), images, sets.values, sketch.band_keys)


def number_documents(database: Database) -> None:
    """Fill ``doc`` with documents in order of id, and ``text`` with distinct shingle sets in order of their first id.

    Texts with equal shingles are one text from here on, so that a thousand copies cost no more than one.
    """

    def fill() -> None:
        database.run("CREATE TABLE numbered AS SELECT position, row_number() OVER (ORDER BY id) - 1 AS num FROM item")
        database.run(
            "CREATE TABLE grouped AS SELECT min(num) AS num, key_a, key_b, size, arg_min(start, num) AS start, "
            "arg_min(position, num) AS position FROM item JOIN numbered USING (position) WHERE size > 0 "
            "GROUP BY key_a, key_b, size"
        )
        database.run("CREATE TABLE text AS SELECT row_number() OVER (ORDER BY num) - 1 AS t, * FROM grouped")
        database.run(
            "CREATE TABLE doc AS SELECT n.num, i.position, i.id, i.side, i.tokens, i.images, text.t FROM item i "
            "JOIN numbered n USING (position) LEFT JOIN text USING (key_a, key_b, size)"
        )
        database.run("DROP TABLE numbered")
        database.run("DROP TABLE grouped")

    database.once("number", fill)


def read_band_keys(database: Database, sets: Path, bands: int) -> BandKeys:
    """The band keys of the distinct shingle sets; 8 bytes for each set in memory."""
    places = np.zeros(database.number("SELECT count(*) FROM text"), np.int64)
    for piece in database.slices("text", "t, position", 1 << 18):
        places[numbers(piece["t"])] = numbers(piece["position"])
    return BandKeys(band_file(sets), bands, places)


def set_store(database: Database, file: Path) -> SetStore:
    """The distinct shingle sets, by number ``t``; 16 bytes for each set in memory."""
    count = database.number("SELECT count(*) FROM text")
    starts, sizes = np.zeros((2, count), np.int64)
    for piece in database.slices("text", "t, start, size", 1 << 18):
        places = numbers(piece["t"])
        starts[places], sizes[places] = numbers(piece["start"]), numbers(piece["size"])
    return SetStore(file, starts, sizes)

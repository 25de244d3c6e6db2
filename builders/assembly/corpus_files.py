"""Files of ``corpus``, pool ``web``: cut by a plan over known lengths, so that each can be written by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.images.packs import PackReader
from nyxqa.schemas.columns import IMAGE
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.tables import CORPUS
from nyxqa.schemas.writing import FILE_BYTES, IMAGE_GROUP_BYTES, IMAGE_GROUP_ROWS, check_row, write_tables

_LENGTHS = "images.list.element.length"

Piece = tuple[Path, int, int]  # part file of documents, first row, rows


@dataclass(frozen=True)
class CorpusFile:
    """One file to be written.

    :param number: Its number.
    :param pieces: Where its rows stand, in order.
    :param groups: Rows of each of its row groups.
    """

    number: int
    pieces: tuple[Piece, ...]
    groups: tuple[int, ...]


def plan_files(files: Sequence[Path], file_bytes: int = FILE_BYTES) -> Iterator[CorpusFile]:
    """The files that hold all rows of ``files`` (rows of SPLIT_DOCUMENTS), in their order.

    A row group ends before the row that would make it too large, as in every table with images; a file ends with the
    group that brings it to ``file_bytes``: of images as they are stored, of the rest as it is compressed in ``files``.
    """
    pieces: list[Piece] = []
    groups: list[int] = []
    number, size = 0, 0.0  # of the file
    for group, bytes_, own in _groups(files):
        groups.append(group)
        pieces += own
        size += bytes_
        if size >= file_bytes:
            yield CorpusFile(number, tuple(pieces), tuple(groups))
            pieces, groups, size, number = [], [], 0.0, number + 1
    if groups:
        yield CorpusFile(number, tuple(pieces), tuple(groups))


def _groups(files: Sequence[Path]) -> Iterator[tuple[int, float, list[Piece]]]:
    """Rows, bytes and pieces of each row group."""
    rows = images = 0
    other = 0.0
    pieces: list[Piece] = []
    for file in files:
        lengths, rest = _row_bytes(file)
        start = 0
        for row, length in enumerate(lengths):
            if rows and (rows >= IMAGE_GROUP_ROWS or images + length > IMAGE_GROUP_BYTES):
                yield rows, images + other, [*pieces, (file, start, row - start)]
                pieces, rows, images, other, start = [], 0, 0, 0.0, row
            rows, images, other = rows + 1, images + length, other + rest
        if start < len(lengths):
            pieces.append((file, start, len(lengths) - start))
    if rows:
        yield rows, images + other, pieces


def _row_bytes(file: Path) -> tuple[list[int], float]:
    """Bytes of the images of each row, and the mean bytes of a row without them."""
    with pq.ParquetFile(file) as parquet:
        known = parquet.metadata
        images = parquet.read(columns=[_LENGTHS])["images"].combine_chunks()
        whole = sum(known.row_group(group).total_byte_size for group in range(known.num_row_groups))
    lengths = pc.struct_field(images.flatten(), "length").to_numpy(zero_copy_only=False).astype(np.int64)
    owners = np.repeat(np.arange(len(images)), images.value_lengths().to_numpy(zero_copy_only=False))
    sums = np.zeros(len(images), np.int64)
    np.add.at(sums, owners, lengths)
    return sums.tolist(), whole / max(1, len(images))


def write_corpus_file(planned: CorpusFile, packs: PackReader, target: Path) -> int:
    """Write one file with the bytes of its images; returns its rows.

    :raises LawError: If a row breaks the table's schema: a null where none may be, content out of step.
    """
    return write_tables(CORPUS, (_published(rows, packs) for rows in _row_groups(planned)), target)


def _row_groups(planned: CorpusFile) -> Iterator[pa.Table]:
    """Documents of each row group; a part file and a group are in memory."""
    waiting: list[pa.Table] = []
    pieces = iter(planned.pieces)
    for rows in planned.groups:
        while sum(one.num_rows for one in waiting) < rows:
            file, start, count = next(pieces)
            waiting.append(pq.read_table(file).slice(start, count))
        every = pa.concat_tables(waiting)
        yield every.slice(0, rows).combine_chunks()
        waiting = [every.slice(rows)]


def _published(documents: pa.Table, packs: PackReader) -> pa.Table:
    """Documents as rows of ``corpus``."""
    images = documents["images"].combine_chunks()
    counts = images.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    ends = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    every = images.flatten()

    def listed(values: pa.Array) -> pa.Array:
        return pa.ListArray.from_arrays(ends, values)

    read = pa.array([packs.read(image) for image in every.to_pylist()], pa.binary())
    nowhere = pa.nulls(len(read), pa.string())
    field = {name: pc.struct_field(every, name) for name in ("image_id", "phash", "caption", "caption_origin", "url")}
    own: dict[str, Any] = {
        "images": listed(pa.StructArray.from_arrays([read, nowhere], fields=list(IMAGE))),
        "image_ids": listed(field["image_id"]),
        "image_phashes": listed(field["phash"]),
        "captions": listed(field["caption"]),
        "caption_origins": listed(field["caption_origin"].fill_null("")),
        "image_urls": listed(field["url"]),
    }
    columns = [
        own.get(name, documents[name] if name in documents.schema.names else None) for name in CORPUS.schema.names
    ]
    table = pa.table(columns, names=CORPUS.schema.names).cast(CORPUS.schema)
    _check(table, counts)
    return table


def _check(table: pa.Table, images: Any) -> None:
    """Refuse rows that ``check_row`` refuses, which names the first of them."""
    nulls = any(table[name].null_count for name in CORPUS.schema.names if name not in CORPUS.nullable)
    if nulls or (pc.count_substring(table["text"], PLACEHOLDER).to_numpy() != images).any():
        for row in table.to_pylist():
            check_row(CORPUS, row)

"""Writing published tables: file names, row groups, page index, metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.schemas.columns import Table, holds_image
from nyxqa.schemas.content import check_content
from nyxqa.schemas.errors import ContentError, LawError
from nyxqa.schemas.manifest import FileEntry
from nyxqa.schemas.tables import PREVIEW_NEGATIVES, SIDE, published_schema

FILE_BYTES = 500_000_000
IMAGE_GROUP_ROWS = 100
IMAGE_GROUP_BYTES = 32 * 2**20
PLAIN_GROUP_ROWS = 20_000

Row = Mapping[str, Any]

# Text column and image column of every content a table holds.
_CONTENTS = {
    "corpus": [("text", "images")],
    "qa": [("question", "images")],
    "triplets": [("query", "query_images")],
    "preview": [
        (name, f"{name}_images")
        for name in ("query", "positive", *(f"negative_{number}" for number in PREVIEW_NEGATIVES))
    ],
}

# Lists of a table that belong together, item by item.
_ALIGNED: dict[str, list[tuple[str, ...]]] = {
    "corpus": [("images", "image_ids", "captions", "caption_origins")],
    "qa": [("images", "image_ids")],
    "triplets": [("query_images", "query_image_ids"), ("negative_ids", "negative_ranks", "negative_scores")],
    "shards": [("negative_ids", "negatives", "negative_ranks", "negative_scores")],
}


def write_split(
    table: Table, split: str, rows: Iterable[Row], root: Path, file_bytes: int | None = None
) -> dict[str, FileEntry]:
    """Write ``rows``, in their order, as the files of one split below ``root/data``; no rows, no files.

    :param file_bytes: Size after which a file is closed and the next one started; ``FILE_BYTES`` if not given.
    :returns: The manifest's entry of each file, by its path relative to ``root``.
    :raises LawError: If a row breaks the table's schema: a null where none may be, content out of step.
    """
    folder = root / "data" / table.name
    written: list[tuple[Path, int]] = []
    groups = _groups(table, rows)
    schema = published_schema(table.schema)
    group = next(groups, None)
    while group is not None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f".{split}-{len(written):05d}"
        count = 0
        with _writer(file, schema) as writer:
            while group is not None:
                writer.write_table(pa.Table.from_pylist(group, schema=schema), row_group_size=len(group))
                count += len(group)
                group = next(groups, None)
                if file.stat().st_size >= (FILE_BYTES if file_bytes is None else file_bytes):
                    break
        written.append((file, count))
    return _named(table, split, written, root)


def write_file(table: Table, rows: Iterable[Row], file: Path) -> int:
    """Write ``rows``, in their order, as one file of ``table``; returns their number.

    :raises LawError: If a row breaks the table's schema: a null where none may be, content out of step.
    """
    schema = published_schema(table.schema)
    count = 0
    with _writer(file, schema) as writer:
        for group in _groups(table, rows):
            writer.write_table(pa.Table.from_pylist(group, schema=schema), row_group_size=len(group))
            count += len(group)
    return count


def write_tables(table: Table, groups: Iterable[pa.Table], file: Path) -> int:
    """Write a file of ``table`` out of its row groups, whose rows were checked; returns the number of rows.

    :param groups: Tables with the schema of ``table``.
    """
    schema = published_schema(table.schema)
    count = 0
    with _writer(file, schema) as writer:
        for group in groups:
            writer.write_table(group.cast(schema), row_group_size=group.num_rows)
            count += group.num_rows
    return count


def place_file(table: Table, split: str, file: Path, number: int, files: int, root: Path) -> str:
    """Link a written file to its place below ``root/data``; returns its path relative to ``root``.

    :param number: Its number among the ``files`` of the split.
    """
    final = root / "data" / table.name / _file_name(split, number, files)
    final.parent.mkdir(parents=True, exist_ok=True)
    final.hardlink_to(file)
    return final.relative_to(root).as_posix()


def _file_name(split: str, number: int, files: int) -> str:
    return f"{split}-{number:05d}-of-{files:05d}.parquet"


def _writer(file: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(file, schema, compression="zstd", write_page_index=True, use_content_defined_chunking=True)


def _named(table: Table, split: str, written: list[tuple[Path, int]], root: Path) -> dict[str, FileEntry]:
    entries = {}
    for index, (file, count) in enumerate(written):
        final = file.with_name(_file_name(split, index, len(written)))
        file.rename(final)
        entries[final.relative_to(root).as_posix()] = FileEntry(file_hash(final), count)
    return entries


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _groups(table: Table, rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Row groups: bounded in rows, and in bytes where rows carry images."""
    most = IMAGE_GROUP_ROWS if table.has_images else PLAIN_GROUP_ROWS
    images = [column.name for column in table.columns if holds_image(column.type)]
    group: list[Row] = []
    size = 0
    for row in rows:
        check_row(table, row)
        row_size = sum(_image_bytes(row[name]) for name in images)
        if group and (len(group) >= most or size + row_size > IMAGE_GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(row)
        size += row_size
    if group:
        yield group


def _image_bytes(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_image_bytes(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(_image_bytes(item) for item in value)
    return 0


def check_row(table: Table, row: Row) -> None:
    """Check one row against its table: no unexpected null, content in step, lists aligned.

    :raises LawError: Naming table, column and row.
    """
    key = next((str(row[c]) for c in ("qa_id", "query_id", "doc_id", "item_id") if c in row), "?")
    for column in table.schema.names:
        if row.get(column) is None and column not in table.nullable:
            raise LawError(f"table {table.name}, row {key}: column {column!r} is missing or null")
    try:
        for text, images in _CONTENTS.get(table.name, []):
            check_content(row[text], len(row[images]))
        for side in _sides(table, row):
            check_content(side["text"], len(side["images"]))
    except ContentError as error:
        raise LawError(f"table {table.name}, row {key}: {error}") from error
    for first, *others in _ALIGNED.get(table.name, []):
        for other in others:
            if len(row[other]) != len(row[first]):
                lengths = f"{len(row[first])} and {len(row[other])}"
                raise LawError(f"table {table.name}, row {key}: {first!r} and {other!r} differ in length: {lengths}")


def _sides(table: Table, row: Row) -> Iterator[Mapping[str, Any]]:
    for column in table.schema:
        if column.type.equals(SIDE):
            yield row[column.name]
        elif column.type.equals(pa.list_(SIDE)):
            yield from row[column.name]

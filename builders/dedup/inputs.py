"""Documents read in batches of bounded size, from Arrow or Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.dedup.arrow_arrays import text_buffers
from nyxqa.builders.dedup.shingles import BATCH_TEXTS
from nyxqa.schemas.errors import UsageError, WorldError

Source: TypeAlias = pa.Table | Path | str | Sequence[Path | str]

_READ_ROWS = 1024
_READ_BYTES = 4 << 20  # of the columns read, uncompressed
_BATCH_BYTES = 1 << 20  # of text: the arrays made from a batch take some 60 times as much


def _files(source: Path | str | Sequence[Path | str]) -> list[Path]:
    paths = [source] if isinstance(source, str | Path) else list(source)
    return [Path(path) for path in paths]


def identity(source: Source, columns: Sequence[str]) -> str:
    """A hash that identifies the input: of the files' paths, sizes and times, or of the table's bytes."""
    digest = hashlib.sha256()
    if isinstance(source, pa.Table):
        for batch in source.select(list(columns)).to_batches():
            with pa.BufferOutputStream() as stream:
                with pa.ipc.new_stream(stream, batch.schema) as writer:
                    writer.write_batch(batch)
                digest.update(stream.getvalue())
    else:
        for file in _files(source):
            if not file.is_file():
                raise WorldError(f"{file} is not a file: give a Parquet file, or a list of them")
            known = file.stat()
            digest.update(f"{file.resolve()}\0{known.st_size}\0{known.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def documents(source: Source, columns: Sequence[str], text: str) -> Iterator[pa.RecordBatch]:
    """Rows of ``columns`` in order, at most 16,384 rows and about 1 MiB of text in each batch (at least one row).

    :raises UsageError: If a column is missing.
    :raises WorldError: If a file is unreadable or a value is null.
    """
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for piece in _pieces(source, columns):
        for batch in _halved(piece, text):
            more = _text_bytes(batch, text)
            if waiting and (rows + batch.num_rows > BATCH_TEXTS or size + more > _BATCH_BYTES):
                yield pa.concat_batches(waiting)
                waiting, rows, size = [], 0, 0
            waiting.append(batch)
            rows, size = rows + batch.num_rows, size + more
    if waiting:
        yield pa.concat_batches(waiting)


def text_bytes(source: Source, text: str) -> int:
    """About how many bytes of text there are, without reading them; 0 where that cannot be told."""
    if isinstance(source, pa.Table):
        return int(source[text].nbytes) if text in source.schema.names else 0
    try:
        return sum(_column_bytes(pq.read_metadata(file), text) for file in _files(source))
    except (OSError, pa.ArrowInvalid):
        return 0  # named where the file is read


def _column_bytes(file: pq.FileMetaData, name: str) -> int:
    groups = map(file.row_group, range(file.num_row_groups))
    chunks = (group.column(place) for group in groups for place in range(group.num_columns))
    return sum(int(one.total_uncompressed_size) for one in chunks if one.path_in_schema == name)


def _halved(batch: pa.RecordBatch, text: str) -> Iterator[pa.RecordBatch]:
    """Halve ``batch`` until no part of several rows is too large."""
    if batch.num_rows > 1 and _text_bytes(batch, text) > _BATCH_BYTES:
        half = batch.num_rows // 2
        yield from _halved(batch.slice(0, half), text)
        yield from _halved(batch.slice(half), text)
    else:
        yield batch


def _text_bytes(batch: pa.RecordBatch, text: str) -> int:
    _, offsets = text_buffers(batch.column(text))
    return int(offsets[-1] - offsets[0])


def _pieces(source: Source, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    if isinstance(source, pa.Table):
        _require(source.schema.names, columns, "the table")
        for batch in source.select(list(columns)).to_batches(max_chunksize=_READ_ROWS):
            yield _without_nulls(batch, "the table")
        return
    for file in _files(source):
        try:
            with pq.ParquetFile(
                file, buffer_size=1 << 20, pre_buffer=False
            ) as parquet:  # buffers less than a row group
                _require(parquet.schema_arrow.names, columns, str(file))
                for batch in parquet.iter_batches(_read_rows(parquet.metadata, columns), columns=list(columns)):
                    yield _without_nulls(batch.select(list(columns)), str(file))
        except (OSError, pa.ArrowInvalid) as error:
            raise WorldError(f"{file} cannot be read as Parquet: {error}") from error


def _read_rows(file: pq.FileMetaData, columns: Sequence[str]) -> int:
    """Rows to read at once, fewer where they are long; only the chunks of ``columns`` count."""
    largest = 0.0
    for group in map(file.row_group, range(file.num_row_groups)):
        chunks = map(group.column, range(group.num_columns))
        size = sum(one.total_uncompressed_size for one in chunks if one.path_in_schema.partition(".")[0] in columns)
        largest = max(largest, size / max(1, group.num_rows))
    return max(1, min(_READ_ROWS, int(_READ_BYTES / max(1.0, largest))))


def _require(present: Sequence[str], wanted: Sequence[str], where: str) -> None:
    missing = [column for column in wanted if column not in present]
    if missing:
        raise UsageError(f"{where} has no column {missing[0]!r}; it has {', '.join(present)}")


def _without_nulls(batch: pa.RecordBatch, where: str) -> pa.RecordBatch:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if column.null_count:
            raise WorldError(f"{where}: column {name!r} has a null value: fill or drop such rows first")
    return batch

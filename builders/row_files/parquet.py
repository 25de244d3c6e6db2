"""Rows of Parquet files: all rows of a local file, or chosen rows on any file system.

For chosen rows only footers and the row groups that hold them are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import SEEK_END
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.executors.threads import thread_map
from nyxqa.schemas.errors import WorldError, first_line

_FOOTERS_AT_ONCE = 16  # footers read concurrently; each takes a round trip or two to a server
_GROUPS_AT_ONCE = 4
_CACHED_FOOTERS = 8  # footers cached by a process, so that a small sample reads none twice
_TAIL = 1 << 16  # bytes that hold most footers
_ROWS_AT_ONCE = 64  # rows turned into Python objects at a time
_FILE_ROWS_AT_ONCE = 1_000  # the same when all rows of a file are read
_STREAM_BUFFER = 1 << 20  # bytes read ahead of a row group that is streamed


def parquet_values(path: Path, rows_at_once: int = _FILE_ROWS_AT_ONCE) -> Iterator[dict[str, Any]]:
    """Yield the cells of each row of a local file by column.

    :param rows_at_once: Rows in memory.
    :raises OSError: If the file is unreadable or not valid Parquet.
    """
    try:
        with closing(pq.ParquetFile(path)) as file:
            for batch in file.iter_batches(batch_size=rows_at_once):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise OSError(f"not valid Parquet: {first_line(error)}") from error


class Files(Protocol):
    """A file system, as those of fsspec are; equal ones give equal bytes."""

    def __hash__(self) -> int:
        """As equality asks for."""

    def open(self, path: str, /, *, cache_type: str) -> Any:
        """Open a file for reading from any place, without reading ahead."""


@dataclass(frozen=True, slots=True)
class Group:
    """A row group and the chosen rows in it.

    :param file: Path on the file system.
    :param index: Number of the row group in its file.
    :param first: Number in the file of its first row.
    :param rows: Numbers in the file of its chosen rows.
    :param count: Number of all its rows.
    :param stored: Compressed bytes of the wanted columns.
    :param size: Uncompressed bytes of the wanted columns.
    """

    file: str
    index: int
    first: int
    rows: range
    count: int
    stored: int
    size: int


@dataclass(slots=True)
class Totals:
    """Sums over the footers read: row groups, compressed bytes of their wanted columns, bytes of the footers."""

    groups: int = 0
    stored: int = 0
    footers: int = 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Placeholder for a row whose bytes are corrupt, with the reason."""

    detail: str


Values = dict[str, Any] | Unreadable


class UnreadableRowsError(ValueError):
    """Corrupt bytes in a row group."""


@dataclass(frozen=True)
class ParquetRows:
    """Reader of chosen rows of Parquet files that have the same columns.

    :param files: File system of the paths.
    :param wanted: Columns that are read where a file has them.
    :param needed: Columns that each file must have.
    :param version: Changes whenever a file does; key of the footer cache.
    """

    files: Files
    wanted: Sequence[str]
    needed: Sequence[str]
    version: str

    def plan(self, paths: Sequence[str], every: int, limit: int | None, totals: Totals) -> Iterator[Group]:
        """Yield the row groups that hold every ``every``-th row of all files, at most ``limit`` rows.

        :param totals: Updated with each footer and row group.
        :raises WorldError: If a file is not a Parquet file or lacks a needed column.
        """
        row, left = 0, limit
        for path, footer in self._footers(paths):
            totals.footers += footer.serialized_size
            first = 0
            for index in range(footer.num_row_groups):
                count = footer.row_group(index).num_rows
                chosen = range(first + -row % every, first + count, every)[:left]
                stored, size = self._bytes(footer.row_group(index))
                totals.groups += 1
                totals.stored += stored
                if chosen:
                    yield Group(path, index, first, chosen, count, stored, size)
                    left = None if left is None else left - len(chosen)
                row, first = row + count, first + count
                if left == 0:
                    return

    def read(self, path: str, numbers: Sequence[int]) -> Iterator[Values]:
        """Yield rows of one file.

        :param numbers: Row numbers in the file, ascending.

        :raises WorldError: If the file cannot be read.
        """
        with self._opened(path, streaming=False) as file:
            first, left = 0, list(numbers)
            for index in range(file.metadata.num_row_groups):
                end = first + file.metadata.row_group(index).num_rows
                here = [number - first for number in left if number < end]
                left, first = left[len(here) :], end
                try:
                    yield from self._group_rows(path, file, index, here)
                except UnreadableRowsError as error:
                    yield from [Unreadable(str(error))] * len(here)

    def groups(self, groups: Iterable[Group]) -> Iterator[tuple[Group, list[Values]]]:
        """Yield each group with its chosen rows; a few groups are read concurrently.

        :raises WorldError: If a file cannot be read.
        """

        def ready() -> Iterator[Group]:
            for group in groups:
                self._footer(group.file)  # cached by one thread, so that no footer is read twice
                yield group

        def rows(group: Group) -> tuple[Group, list[Values]]:
            return group, list(self.read(group.file, group.rows))

        yield from thread_map(rows, ready(), _GROUPS_AT_ONCE)

    def _group_rows(self, path: str, file: pq.ParquetFile, index: int, rows: list[int]) -> Iterator[Values]:
        if not rows:
            return
        with _classified_errors(path):
            table = _selected(file.read_row_group(index, columns=self._columns(file)), rows)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            yield from _as_python(table.slice(start, _ROWS_AT_ONCE))

    def stream(self, group: Group) -> Iterator[Values]:
        """Yield the chosen rows of a row group that is too large to be held in memory."""
        number, yielded = group.first, 0
        try:
            with self._opened(group.file, streaming=True) as file, _classified_errors(group.file):
                for batch in file.iter_batches(_ROWS_AT_ONCE, [group.index], self._columns(file)):
                    here = [row - number for row in range(number, number + batch.num_rows) if row in group.rows]
                    number += batch.num_rows
                    if here:
                        for row in _as_python(_selected(pa.Table.from_batches([batch]), here)):
                            yielded += 1
                            yield row
        except UnreadableRowsError as error:
            yield from [Unreadable(str(error))] * (len(group.rows) - yielded)

    def _footers(self, paths: Sequence[str]) -> Iterator[tuple[str, pq.FileMetaData]]:
        remaining = iter(paths)
        with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
            while batch := list(islice(remaining, _FOOTERS_AT_ONCE)):
                yield from zip(batch, pool.map(self._footer, batch), strict=True)

    def _footer(self, path: str) -> pq.FileMetaData:
        footer = _footer(self.files, path, self.version)
        for name in self.needed:
            if name not in footer.schema.to_arrow_schema().names:
                raise WorldError(f"source file {path}: column {name} is missing")
        return footer

    def _bytes(self, group: pq.RowGroupMetaData) -> tuple[int, int]:
        columns = [group.column(index) for index in range(group.num_columns)]
        read = [column for column in columns if column.path_in_schema.split(".")[0] in self.wanted]
        return sum(c.total_compressed_size for c in read), sum(c.total_uncompressed_size for c in read)

    def _columns(self, file: pq.ParquetFile) -> list[str]:
        return [name for name in self.wanted if name in file.schema_arrow.names]

    @contextmanager
    def _opened(self, path: str, streaming: bool) -> Iterator[pq.ParquetFile]:
        footer = self._footer(path)
        with ExitStack() as closing:
            with _classified_errors(path):
                opened = closing.enter_context(self.files.open(path, cache_type="none"))
                buffer = _STREAM_BUFFER if streaming else 0
                file = pq.ParquetFile(opened, metadata=footer, pre_buffer=not streaming, buffer_size=buffer)
            yield file


@lru_cache(_CACHED_FOOTERS)
def _footer(files: Files, path: str, version: str) -> pq.FileMetaData:
    try:
        with _classified_errors(path), files.open(path, cache_type="none") as opened:
            return pq.read_metadata(pa.BufferReader(_tail(opened)))
    except UnreadableRowsError as error:
        raise WorldError(f"source file {path} is not a complete Parquet file: {error}") from error


def _tail(opened: IO[bytes]) -> bytes:
    """Return the end of a Parquet file with its footer; no byte is read twice, as pyarrow would on the file itself."""
    size = opened.seek(0, SEEK_END)
    start = opened.seek(max(0, size - _TAIL))
    tail = opened.read(size - start)
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if len(tail) < length <= size:
        opened.seek(size - length)
        tail = opened.read(start - (size - length)) + tail
    return tail


@contextmanager
def _classified_errors(path: str) -> Iterator[None]:
    """Raise ``UnreadableRowsError`` for corrupt bytes (rows are dropped) and ``WorldError`` for unreadable files."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        # Arrow raises a bare OSError without an errno for bytes that cannot be decompressed.
        if isinstance(error, pa.ArrowInvalid) or (type(error) is OSError and error.errno is None):
            raise UnreadableRowsError(first_line(error)) from error
        raise WorldError(f"source file {path} cannot be read: {error}; run again to continue") from error


def _selected(table: pa.Table, rows: Sequence[int]) -> pa.Table:
    """Return rows of ``table`` by number, without ``Table.take``, which no kernel supports for strings as views."""
    return table if len(rows) == table.num_rows else pa.concat_tables([table.slice(row, 1) for row in rows])


def _as_python(table: pa.Table) -> list[Values]:
    try:
        rows: list[Values] = table.to_pylist()
    except UnicodeDecodeError:
        if table.num_rows == 1:
            return [Unreadable("not UTF-8")]
        rows = [row for index in range(table.num_rows) for row in _as_python(table.slice(index, 1))]
    return rows

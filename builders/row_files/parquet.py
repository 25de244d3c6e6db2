"""Chosen rows of Parquet files on any file system: from the footers to the row groups that hold them, no others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import SEEK_END
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.executors.threads import in_order
from nyxqa.schemas.errors import WorldError, first_line

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_FOOTERS_AT_ONCE = 16  # footers read side by side; each is a round trip or two to a server
_GROUPS_AT_ONCE = 4
_KEPT_FOOTERS = 8  # footers a process holds, so that a small sample reads none twice
_TAIL = 1 << 16  # bytes that most footers fit into
_ROWS_AT_ONCE = 64  # rows turned into Python objects at a time
_STREAM_BUFFER = 1 << 20  # bytes read ahead of a row group that is streamed


@dataclass(frozen=True, slots=True)
class Group:
    """A row group and the chosen rows in it.

    :param file: Path on the file system.
    :param index: Number of the row group in its file.
    :param first: Number in the file of its first row.
    :param rows: Numbers in the file of its chosen rows.
    :param count: Number of all its rows.
    :param stored: Bytes of the wanted columns as they lie in the file.
    :param size: Bytes of the wanted columns unpacked.
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
    """What a look at the footers found: row groups, their bytes of the wanted columns, bytes of the footers."""

    groups: int = 0
    stored: int = 0
    footers: int = 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands in for a row whose bytes are broken, with the reason."""

    detail: str


Row = dict[str, Any] | Unreadable


class UnreadableRowsError(ValueError):
    """A row group whose bytes are not as its footer says."""


@dataclass(frozen=True)
class ParquetRows:
    """Parquet files that hold the same columns.

    :param files: File system that the paths are on.
    :param wanted: Columns that are read, where a file has them.
    :param needed: Those that each file must have.
    :param version: Changes whenever a file does.
    """

    files: AbstractFileSystem
    wanted: Sequence[str]
    needed: Sequence[str]
    version: str

    def plan(self, paths: Sequence[str], every: int, limit: int | None, totals: Totals) -> Iterator[Group]:
        """Row groups that hold every ``every``-th row of all files, at most ``limit`` rows; adds to ``totals``.

        :raises WorldError: If a file is no Parquet file or lacks a column.
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

    def read(self, path: str, numbers: Sequence[int]) -> Iterator[Row]:
        """Rows of one file by their ascending numbers in it.

        :raises WorldError: If the file cannot be read.
        """
        with self._opened(path, streaming=False) as file:
            first, left = 0, list(numbers)
            for index in range(file.metadata.num_row_groups):
                end = first + file.metadata.row_group(index).num_rows
                here = [number - first for number in left if number < end]
                left, first = left[len(here) :], end
                try:
                    yield from self._taken(path, file, index, here)
                except UnreadableRowsError as error:
                    yield from [Unreadable(str(error))] * len(here)

    def taken(self, groups: Iterable[Group]) -> Iterator[tuple[Group, list[Row]]]:
        """Each group with its chosen rows, a few groups read side by side.

        :raises WorldError: If a file cannot be read.
        """

        def ready() -> Iterator[Group]:
            for group in groups:
                self._footer(group.file)  # by one thread, so that none is read twice
                yield group

        def rows(group: Group) -> tuple[Group, list[Row]]:
            return group, list(self.read(group.file, group.rows))

        yield from in_order(rows, ready(), _GROUPS_AT_ONCE)

    def _taken(self, path: str, file: pq.ParquetFile, index: int, rows: list[int]) -> Iterator[Row]:
        if not rows:
            return
        with _telling(path):
            table = file.read_row_group(index, columns=self._columns(file)).take(rows)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            yield from _as_python(table.slice(start, _ROWS_AT_ONCE))

    def stream(self, group: Group) -> Iterator[Row]:
        """Chosen rows of a row group too large to be held at once."""
        number, given = group.first, 0
        try:
            with self._opened(group.file, streaming=True) as file, _telling(group.file):
                for batch in file.iter_batches(_ROWS_AT_ONCE, [group.index], self._columns(file)):
                    here = [row - number for row in range(number, number + batch.num_rows) if row in group.rows]
                    number += batch.num_rows
                    if here:
                        for row in _as_python(pa.Table.from_batches([batch]).take(here)):
                            given += 1
                            yield row
        except UnreadableRowsError as error:
            yield from [Unreadable(str(error))] * (len(group.rows) - given)

    def _footers(self, paths: Sequence[str]) -> Iterator[tuple[str, pq.FileMetaData]]:
        remaining = iter(paths)
        with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
            while some := list(islice(remaining, _FOOTERS_AT_ONCE)):
                yield from zip(some, pool.map(self._footer, some), strict=True)

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
            with _telling(path):
                opened = closing.enter_context(self.files.open(path, cache_type="none"))
                buffer = _STREAM_BUFFER if streaming else 0
                file = pq.ParquetFile(opened, metadata=footer, pre_buffer=not streaming, buffer_size=buffer)
            yield file


@lru_cache(_KEPT_FOOTERS)
def _footer(files: AbstractFileSystem, path: str, version: str) -> pq.FileMetaData:
    try:
        with _telling(path), files.open(path, cache_type="none") as opened:
            return pq.read_metadata(pa.BufferReader(_tail(opened)))
    except UnreadableRowsError as error:
        raise WorldError(f"source file {path} is no whole Parquet file: {error}") from error


def _tail(opened: IO[bytes]) -> bytes:
    """The end of a Parquet file with its footer, no byte read twice; a reader of footers reads the last 64 KB again."""
    size = opened.seek(0, SEEK_END)
    start = opened.seek(max(0, size - _TAIL))
    tail = opened.read(size - start)
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if len(tail) < length <= size:
        opened.seek(size - length)
        tail = opened.read(start - (size - length)) + tail
    return tail


@contextmanager
def _telling(path: str) -> Iterator[None]:
    """Tell broken bytes, whose rows are dropped, from a file that cannot be read, which ends the run."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        # Arrow raises a bare OSError without a number for what cannot be unpacked.
        if isinstance(error, pa.ArrowInvalid) or (type(error) is OSError and error.errno is None):
            raise UnreadableRowsError(first_line(error)) from error
        raise WorldError(f"source file {path} cannot be read: {error}; run again to go on") from error


def _as_python(table: pa.Table) -> list[Row]:
    try:
        rows: list[Row] = table.to_pylist()
    except UnicodeDecodeError:
        if table.num_rows == 1:
            return [Unreadable("not UTF-8")]
        rows = [row for index in range(table.num_rows) for row in _as_python(table.slice(index, 1))]
    return rows

"""Single rows of a table, and their images, read from the published files without holding the table in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.schemas.columns import Table
from nyxqa.schemas.loading.arrow_layouts import without_images
from nyxqa.schemas.loading.earlier_format import filled, is_earlier

Row = dict[str, Any]
T = TypeVar("T")

_SCAN_ROWS = 65_536
_DIGITS = 32
_ROWS_BYTES = 32 << 20  # of groups of rows without images that are kept, beside the last
_IMAGES_BYTES = 64 << 20  # of groups of images
_IdPairs = npt.NDArray[np.uint64]


class TableReader:
    """Rows of one split of a table by number, and the number of a row by its id.

    :param table: Its declaration.
    :param files: The files of the split, in order.
    :param key: The column of ids, of 32 digits.
    """

    def __init__(self, table: Table, files: Sequence[Path], key: str) -> None:
        self._table = table
        self._files = [_GroupedFile(file) for file in files]
        self._starts: list[int] = [0, *np.cumsum([len(file) for file in self._files]).tolist()]
        self._key = key
        self._rows: _Recent[list[Row]] = _Recent(_ROWS_BYTES)
        self._images: _Recent[pa.Array] = _Recent(_IMAGES_BYTES)

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, number: int) -> Row:
        """One row without its images."""
        file, group, offset = self._place(number)
        return self._rows.get((file, group), lambda: self._read(file, group))[offset]

    def find(self, identifier: str) -> int:
        """Number of the first row with that id; -1 if there is none."""
        return self._index.row(identifier)

    def image(self, number: int, column: str, place: int) -> bytes | None:
        """The bytes of one image of a row; None where the dataset has its address alone."""
        file, group, offset = self._place(number)
        images = self._images.get((file, group, column), lambda: self._read_images(file, group, column))
        data = images[offset][place]["bytes"].as_py()
        return None if data is None else bytes(data)

    @cached_property
    def _index(self) -> _IdIndex:
        return _IdIndex([file.parquet for file in self._files], self._key)

    def _place(self, number: int) -> tuple[int, int, int]:
        """File, group in it, and row of the group."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        file = bisect_right(self._starts, number) - 1
        own = number - self._starts[file]
        starts = self._files[file].starts
        group = bisect_right(starts, own) - 1
        return file, group, own - starts[group]

    def _read(self, file: int, group: int) -> tuple[list[Row], int]:
        parquet = self._files[file].parquet
        schema = parquet.schema_arrow
        columns = [field.name for field in schema if without_images(field.type) == field.type]
        read = parquet.read_row_group(group, columns=columns).combine_chunks()
        batch = read.to_batches()[0].replace_schema_metadata(None)
        rows: list[Row] = (filled(batch, self._table) if is_earlier(schema) else batch).to_pylist()
        return rows, 4 * read.nbytes

    def _read_images(self, file: int, group: int, column: str) -> tuple[pa.Array, int]:
        read = self._files[file].parquet.read_row_group(group, columns=[column]).combine_chunks()
        return read.column(0).chunk(0), read.nbytes


class _GroupedFile:
    """One open file, with the number of the first row of each of its groups."""

    def __init__(self, path: Path) -> None:
        self.parquet = pq.ParquetFile(path, memory_map=True)
        metadata = self.parquet.metadata
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self.starts: list[int] = [0, *np.cumsum(sizes).tolist()]

    def __len__(self) -> int:
        return self.starts[-1]


class _Recent(Generic[T]):
    """What was read last, up to a number of bytes; the last is always kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[object, tuple[T, int]] = OrderedDict()

    def get(self, key: object, read: Callable[[], tuple[T, int]]) -> T:
        """What was read under ``key``, else what ``read`` gives, with its size in bytes."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        made, size = read()
        self._kept[key] = made, size
        while len(self._kept) > 1 and sum(own for _, own in self._kept.values()) > self._limit:
            self._kept.popitem(last=False)
        return made


class _IdIndex:
    """Rows by id: 24 bytes an id."""

    def __init__(self, files: Sequence[pq.ParquetFile], column: str) -> None:
        pieces = [piece for file in files for piece in _read_ids(file, column)]
        ids = np.concatenate(pieces) if pieces else np.empty((0, 2), np.uint64)
        self._order = np.argsort(ids[:, 0], kind="stable")
        self._first, self._second = ids[self._order, 0], ids[self._order, 1]

    def row(self, identifier: str) -> int:
        key = _halves([identifier])
        if key is None:
            return -1
        first, last = (int(np.searchsorted(self._first, key[0, 0], side)) for side in ("left", "right"))
        equal = np.flatnonzero(self._second[first:last] == key[0, 1])
        return int(self._order[first + equal].min()) if len(equal) else -1


def _read_ids(file: pq.ParquetFile, column: str) -> Iterator[_IdPairs]:
    for batch in file.iter_batches(_SCAN_ROWS, columns=[column]):
        halves = _halves(batch.column(0).to_pylist())
        yield np.zeros((batch.num_rows, 2), np.uint64) if halves is None else halves


def _halves(ids: Sequence[str]) -> _IdPairs | None:
    """Ids as (n, 2) uint64; None if one of them is not an id."""
    if any(len(one) != _DIGITS for one in ids):
        return None
    try:
        data = bytes.fromhex("".join(ids))
    except ValueError:
        return None
    return np.frombuffer(data, ">u8").astype(np.uint64).reshape(-1, 2) if len(data) == 16 * len(ids) else None

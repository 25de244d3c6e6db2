"""Find rows by id: a sorted array on disk, memory-mapped and shared by all processes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.files import replacing

_DIGITS = 32
_BYTES = _DIGITS // 2
_SCAN_ROWS = 65_536

Rows = npt.NDArray[np.int64]


class IdTable:
    """A memory-mapped Arrow file with the rows of its ids.

    :param file: Arrow stream file.
    :param column: Column of ids: 32 hexadecimal digits each, no id twice.
    """

    def __init__(self, file: Path, column: str) -> None:
        self.file = file
        self.column = column

    def __reduce__(self) -> tuple[Any, ...]:
        return IdTable, (self.file, self.column)

    @cached_property
    def table(self) -> pa.Table:
        """The rows, mapped and not read."""
        return map_arrow(self.file)

    @property
    def index_file(self) -> Path:
        """The index file, beside the Arrow file; all layouts of the same rows share it."""
        return self.file.parent / f"{self.column}.npy"

    @cached_property
    def _index(self) -> npt.NDArray[np.uint64]:
        """Three rows, (3, n) uint64: first halves of the ids in ascending order, second halves, row numbers."""
        # A plain view of the mapped file: every slice of a memmap is made in Python, which costs more than a search.
        return np.asarray(np.load(self.index_file, mmap_mode="r"))

    def write_index(self) -> None:
        """Write the index; 24 bytes an id.

        :raises FormatError: If an id is not of 32 hexadecimal digits.
        """
        ids = np.empty((self.table.num_rows, 2), np.uint64)
        column = self.table.column(self.column)
        for start in range(0, len(column), _SCAN_ROWS):
            piece = column.slice(start, _SCAN_ROWS).to_pylist()
            halves = _halves(piece)
            if halves is None:
                raise FormatError(f"{self.file}: column {self.column!r} holds an id that is not of {_DIGITS} digits")
            ids[start : start + len(piece)] = halves
        order = np.argsort(ids[:, 0], kind="stable")
        index = np.stack([ids[order, 0], ids[order, 1], order.astype(np.uint64)])
        with replacing(self.index_file) as temporary, temporary.open("wb") as stream:
            np.save(stream, index)

    def rows(self, ids: Sequence[str]) -> Rows:
        """Row of each id, int64; -1 for a missing id."""
        keys = _halves(ids)
        if keys is None:
            return np.full(1, -1, np.int64) if len(ids) == 1 else np.concatenate([self.rows([one]) for one in ids])
        first, second, rows = self._index
        if not len(first):
            return np.full(len(ids), -1, np.int64)
        at = np.minimum(np.searchsorted(first, keys[:, 0]), len(first) - 1)
        near = first[at] == keys[:, 0]
        hit = near & (second[at] == keys[:, 1])
        matched = np.where(hit, rows[at].astype(np.int64), -1)
        # Ids with equal first halves are rare; they are compared one by one.
        for i in np.flatnonzero(near & ~hit):
            last = np.searchsorted(first, keys[i, 0], side="right")
            equal = np.flatnonzero(second[at[i] : last] == keys[i, 1])
            if len(equal):
                matched[i] = rows[at[i] + equal[0]]
        return matched


class RowGatherer:
    """Reads rows of a mapped table in any order, batch by batch: ``take`` on the whole table would copy all of it."""

    def __init__(self, table: pa.Table) -> None:
        self.batches = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
        lengths = [batch.num_rows for batch in self.batches]
        self.starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)

    def __call__(self, rows: Rows) -> pa.RecordBatch:
        """The rows, int64, as one batch in the given order."""
        if not len(rows):
            return self.batches[0].slice(0, 0)
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        batch_of = np.searchsorted(self.starts, ascending, side="right") - 1
        cuts = np.flatnonzero(np.diff(batch_of)) + 1
        pieces = [
            self.batches[batch_of[part[0]]].take(pa.array(ascending[part] - self.starts[batch_of[part[0]]]))
            for part in np.split(np.arange(len(rows)), cuts)
        ]
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        return pa.Table.from_batches(pieces).combine_chunks().to_batches()[0].take(pa.array(back))


def map_arrow(file: Path) -> pa.Table:
    """An Arrow stream file as a table that is mapped into memory."""
    return pa.ipc.open_stream(pa.memory_map(str(file))).read_all()


def _halves(ids: Sequence[str]) -> npt.NDArray[np.uint64] | None:
    """Ids as (n, 2) uint64; None if one of them is not an id."""
    if not set(map(len, ids)) <= {_DIGITS}:
        return None
    try:
        data = bytes.fromhex("".join(ids))
    except ValueError:
        return None
    if len(data) != _BYTES * len(ids):
        return None
    return np.frombuffer(data, ">u8").astype(np.uint64).reshape(-1, 2)

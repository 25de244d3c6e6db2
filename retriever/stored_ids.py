"""Ids of indexed entries on disk, read one by one, with their place in sorted order."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_TEXT = "ids.utf8"
_ENDS = "ids.ends.npy"
_ORDER = "ids.order.npy"


class StoredIds(Sequence[str]):
    """Ids in row order, memory-mapped: millions of them cost no Python objects.

    :param folder: Where ``write_ids`` put them.
    """

    def __init__(self, folder: Path) -> None:
        self._ends: npt.NDArray[np.int64] = np.load(folder / _ENDS, mmap_mode="r")
        size = int(self._ends[-1])
        text = folder / _TEXT
        self._text = np.memmap(text, dtype=np.uint8, mode="r") if size else np.empty(0, dtype=np.uint8)
        # int64 [rows]: place of each row among all rows sorted by (id, row); what ties are broken by.
        self.order: npt.NDArray[np.int64] = np.load(folder / _ORDER, mmap_mode="r")

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        """The id of a row, or the ids of a range of rows."""
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(index)
        return bytes(self._text[self._ends[row] : self._ends[row + 1]]).decode()


def write_ids(ids: Iterable[str], folder: Path) -> None:
    """Write ``ids`` into ``folder`` and the order they sort in (by code point, equal ones by row)."""
    with (folder / _TEXT).open("wb") as stream:
        lengths = array("q", (stream.write(name.encode()) for name in ids))
    ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.array(lengths, dtype=np.int64))])
    np.save(folder / _ENDS, ends)
    np.save(folder / _ORDER, _order(folder / _TEXT, ends))


def _order(file: Path, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Place of each row among the sorted ids; UTF-8 bytes sort as code points do, so no strings are made of them."""
    order = np.arange(len(ends) - 1)
    if ends[-1] > 0:
        with pa.memory_map(str(file)) as mapped:
            text = pa.LargeStringArray.from_buffers(len(order), pa.py_buffer(ends), mapped.read_buffer())
            order[pc.sort_indices(text).to_numpy()] = np.arange(len(order))
    return order

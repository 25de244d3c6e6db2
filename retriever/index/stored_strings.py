"""Strings and ids on disk, read one by one, so that millions of them create no Python objects."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_NAME = "ids"
_ORDER = "ids.order.npy"


def text_file(folder: Path, name: str) -> Path:
    """File of the strings ``name``, concatenated in UTF-8."""
    return folder / f"{name}.utf8"


def ends_file(folder: Path, name: str) -> Path:
    """NumPy file int64 [strings + 1] of where each begins, and the last ends."""
    return folder / f"{name}.ends.npy"


class StringWriter:
    """Writes strings to ``folder`` under ``name``; they are complete when the context exits without an error."""

    def __init__(self, folder: Path, name: str) -> None:
        self._ends = array("q", [0])
        self._ends_file = ends_file(folder, name)
        self._stream = text_file(folder, name).open("wb")

    def append(self, text: str) -> None:
        """Write the next string."""
        self._ends.append(self._ends[-1] + self._stream.write(text.encode()))

    def __enter__(self) -> StringWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        if kind is None:
            np.save(self._ends_file, np.frombuffer(self._ends, dtype=np.int64))


class StringRows(Sequence[str]):
    """Strings by their row; how many there are and where each is read is up to the subclass."""

    @abstractmethod
    def _read(self, row: int) -> str:
        """The string of a row, from 0 to less than the number of rows."""

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        """The string of a row, or those of a range of rows."""
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(index)
        return self._read(row)


class StoredStrings(StringRows):
    """Strings in row order, memory-mapped.

    :param folder: Where a ``StringWriter`` put them.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._ends: npt.NDArray[np.int64] = np.load(ends_file(folder, name), mmap_mode="r")
        empty = self._ends[-1] == 0
        self._text = np.empty(0, np.uint8) if empty else np.memmap(text_file(folder, name), np.uint8, "r")

    def __len__(self) -> int:
        return len(self._ends) - 1

    def lengths(self) -> npt.NDArray[np.int64]:
        """Bytes of each string in UTF-8, int64 [strings]."""
        return np.diff(self._ends)

    def _read(self, row: int) -> str:
        return self._text[self._ends[row] : self._ends[row + 1]].tobytes().decode()


class StoredIds(StoredStrings):
    """Ids in row order, memory-mapped.

    :param folder: Where ``write_ids`` put them.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _NAME)
        # int64 [rows]: place of each row among all rows sorted by (id, row); used to break ties.
        self.order: npt.NDArray[np.int64] = np.load(folder / _ORDER, mmap_mode="r")


def rows_of(folder: Path, ids: Iterable[str]) -> npt.NDArray[np.int64]:
    """Rows of those of ``ids`` that ``write_ids`` put into ``folder``, ascending, int64."""
    ends = np.load(ends_file(folder, _NAME))
    if ends[-1] == 0:
        return np.empty(0, np.int64)
    with pa.memory_map(str(text_file(folder, _NAME))) as mapped:
        text = pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), mapped.read_buffer())
        found: npt.NDArray[np.int64] = np.flatnonzero(
            pc.is_in(text, pa.array(sorted(ids), pa.large_string())).to_numpy(zero_copy_only=False)
        )
    return found


def write_ids(ids: Iterable[str], folder: Path) -> None:
    """Write ``ids`` into ``folder`` and the order they sort in (by code point, equal ones by row)."""
    with StringWriter(folder, _NAME) as writer:
        for name in ids:
            writer.append(name)
    np.save(folder / _ORDER, _order(text_file(folder, _NAME), np.load(ends_file(folder, _NAME))))


def _order(file: Path, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Place of each row among the sorted ids; UTF-8 bytes sort as code points do, so no Python strings are created."""
    order = np.arange(len(ends) - 1)
    if ends[-1] > 0:
        with pa.memory_map(str(file)) as mapped:
            text = pa.LargeStringArray.from_buffers(len(order), pa.py_buffer(ends), mapped.read_buffer())
            order[pc.sort_indices(text).to_numpy()] = np.arange(len(order))
    return order

"""Strings on disk, read one by one, so that millions of them create no Python objects."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import overload

import numpy as np
import numpy.typing as npt


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


class StoredStrings(Sequence[str]):
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
        return self._text[self._ends[row] : self._ends[row + 1]].tobytes().decode()

"""Ids of indexed entries on disk, with their rank in sorted order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.retriever.index.stored_strings import StoredStrings, StringWriter, ends_file, text_file

_NAME = "ids"
_ORDER = "ids.order.npy"


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

"""Arrow columns from and to arrays of numbers, without functions that import what a search does not need.

``pa.array`` and ``to_numpy`` import pandas where it is installed, which takes .4 s of every process; ``cast`` and what
else computes imports ``pyarrow.compute``, which takes .04 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def arrow_array(values: NDArray[Any]) -> pa.Array:
    """Numbers as an Arrow array of the same type, which shares their memory if they are contiguous."""
    kept = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(kept.dtype), len(kept), [None, pa.py_buffer(kept)])


def arrow_table(columns: Mapping[str, NDArray[Any] | pa.Array | pa.ChunkedArray]) -> pa.Table:
    """A table of numbers and of columns that are Arrow's already."""
    arrays = [arrow_array(values) if isinstance(values, np.ndarray) else values for values in columns.values()]
    return pa.Table.from_arrays(arrays, list(columns))


def numbers(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """A column of numbers without nulls as an array, not to be written to: it may share the column's memory."""
    parts = [_part(chunk) for chunk in (column.chunks if isinstance(column, pa.ChunkedArray) else [column])]
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, column.type.to_pandas_dtype()), *parts])


def _part(array: pa.Array) -> NDArray[Any]:
    kind = np.dtype(array.type.to_pandas_dtype())
    assert array.null_count == 0 and kind.kind in "iuf", array.type  # noqa: S101
    if not len(array):
        return np.empty(0, kind)
    return np.frombuffer(array.buffers()[1], kind, len(array), array.offset * kind.itemsize)


def text_buffers(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """UTF-8 of texts, uint8, and where each starts and the last ends, int64 [texts + 1]."""
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    wide = texts if texts.type in (pa.string(), pa.large_string()) else texts.cast(pa.large_string())
    _, bounds, content = wide.buffers()
    kind = np.dtype(np.int32 if wide.type == pa.string() else np.int64)
    offsets = np.frombuffer(bounds, kind, len(wide) + 1, wide.offset * kind.itemsize)
    return np.frombuffer(content or b"", np.uint8), offsets.astype(np.int64)


def list_parts(lists: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Lengths of lists without nulls, int64, and their values, list after list."""
    if not isinstance(lists, pa.ListArray | pa.LargeListArray):
        return numbers(lists.value_lengths()).astype(np.int64), lists.flatten()
    offsets = numbers(lists.offsets).astype(np.int64)
    return np.diff(offsets), lists.values.slice(offsets[0], offsets[-1] - offsets[0])


def cast_array(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """``values`` as ``kind``."""
    return values if values.type == kind else values.cast(kind)

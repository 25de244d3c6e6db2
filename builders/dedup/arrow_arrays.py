"""Arrow columns of numbers from and to arrays without ``pa.array`` and ``to_numpy``.

Those import pandas where it is installed, which takes .4 s of every process.
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

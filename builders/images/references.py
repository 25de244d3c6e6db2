"""Image references in a column of pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def images_of(parts: pa.ListArray) -> tuple[np.ndarray[Any, np.dtype[np.int64]], pa.Array]:
    """Of a column of parts, the images of all rows in order, and the row that each belongs to."""
    images = pc.struct_field(pc.list_flatten(parts), "image")
    there = pc.is_valid(images)
    rows = pc.list_parent_indices(parts).filter(there)
    return rows.to_numpy(zero_copy_only=False).astype(np.int64), images.filter(there)

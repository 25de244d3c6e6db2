"""Hex ids as numbers, so that millions of them are counted in little memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Keys = np.ndarray[Any, np.dtype[np.uint64]]


def leading_bits(ids: pa.Array | pa.ChunkedArray) -> Keys:
    """The first 64 bits of each id, given as 16 hex digits or more."""
    text = "".join(pc.utf8_slice_codeunits(ids, 0, 16).to_pylist())
    return np.frombuffer(bytes.fromhex(text), dtype=">u8").astype(np.uint64)

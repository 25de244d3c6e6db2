"""Tasks as bytes that mean the same on every node: relative paths are made absolute on the way."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any


class _AbsolutePaths(pickle.Pickler):
    """Pickles relative paths as absolute ones: a worker starts in a working directory of its own."""

    def reducer_override(self, value: Any) -> Any:
        """How a path is pickled; other values as they always are."""
        if isinstance(value, Path) and not value.is_absolute():
            return Path, (str(value.absolute()),)
        return NotImplemented


def packed(value: object) -> bytes:
    """``value`` pickled, with absolute paths."""
    stream = io.BytesIO()
    _AbsolutePaths(stream, pickle.HIGHEST_PROTOCOL).dump(value)
    return stream.getvalue()


def unpacked(data: bytes) -> Any:
    """What ``packed`` was given."""
    return pickle.loads(data)  # noqa: S301 - made by the driver of this build

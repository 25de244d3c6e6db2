"""Versions of what decides bytes."""

from __future__ import annotations

import platform
from importlib.metadata import version

from nyxqa.schemas.version import VERSION

_DECIDING = (
    "pyarrow",
    "pillow",
    "duckdb",
    "bm25s",
    "numpy",
    "lxml",
    "tokenizers",
    "transformers",
    "torch",
    "faiss-cpu",
)


def versions() -> dict[str, str]:
    """Version of Python and of each library that decides bytes."""
    return {"nyxqa": VERSION, "python": platform.python_version(), **{name: version(name) for name in _DECIDING}}

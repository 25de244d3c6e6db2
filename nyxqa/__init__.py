"""Training data for mixed-modal retrievers: build, curate, load, publish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nyxqa.schemas.reading import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: ``datasets`` is heavy."""
    if name == "load":
        from nyxqa.schemas.reading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

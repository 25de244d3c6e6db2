"""Training data for mixed-modal retrievers: build, curate, load, publish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nyxqa.builders.export.exporting import export
    from nyxqa.builders.hub.pushing import push
    from nyxqa.retriever.row_collator import collate
    from nyxqa.schemas.reading import load

__all__ = ["collate", "export", "load", "push"]

_HOMES = {
    "collate": "nyxqa.retriever.row_collator",
    "export": "nyxqa.builders.export.exporting",
    "load": "nyxqa.schemas.reading",
    "push": "nyxqa.builders.hub.pushing",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: ``datasets`` is heavy."""
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name == "build":
        return importlib.import_module("nyxqa.build")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

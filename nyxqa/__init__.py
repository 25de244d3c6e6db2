"""Training data for mixed-modal retrievers: build, curate, load, publish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nyxqa.builders.browse.show import show
    from nyxqa.builders.dedup.cross_split import pairs_across
    from nyxqa.builders.dedup.deduplicate import deduplicate
    from nyxqa.builders.evaluate.api import evaluate
    from nyxqa.builders.export.export import export
    from nyxqa.builders.publish.hub.push import push
    from nyxqa.retriever.encoders.public import encoder
    from nyxqa.retriever.training.collate import collate
    from nyxqa.schemas.loading.frame import frame
    from nyxqa.schemas.loading.load import load

__all__ = ["collate", "deduplicate", "encoder", "evaluate", "export", "frame", "load", "pairs_across", "push", "show"]

_HOMES = {
    "collate": "nyxqa.retriever.training.collate",
    "deduplicate": "nyxqa.builders.dedup.deduplicate",
    "encoder": "nyxqa.retriever.encoders.public",
    "evaluate": "nyxqa.builders.evaluate.api",
    "export": "nyxqa.builders.export.export",
    "frame": "nyxqa.schemas.loading.frame",
    "load": "nyxqa.schemas.loading.load",
    "pairs_across": "nyxqa.builders.dedup.cross_split",
    "push": "nyxqa.builders.publish.hub.push",
    "show": "nyxqa.builders.browse.show",
}


def __getattr__(name: str) -> Any:
    """Import a public function on first use: ``datasets``, ``polars`` and ``torch`` are slow to import."""
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name == "__version__":
        return importlib.import_module("nyxqa.schemas.version").VERSION
    if name == "build":
        return importlib.import_module("nyxqa.build")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

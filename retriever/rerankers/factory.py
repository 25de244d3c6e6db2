"""Rerankers by name."""

from __future__ import annotations

from nyxqa.retriever.cross_encoder import CrossEncoder
from nyxqa.retriever.models.checkpoints import parse_model
from nyxqa.schemas.errors import UsageError

NAMES = ("ce:MODEL[@REVISION]",)


def make_reranker(spec: str) -> CrossEncoder:
    """The reranker that ``spec`` names; weights are loaded on first use.

    :raises UsageError: If the name is unknown.
    """
    kind, _, rest = spec.partition(":")
    if kind == "ce" and rest:
        return CrossEncoder(parse_model(rest, kind))
    raise UsageError(f"unknown reranker {spec!r}; valid names: {', '.join(NAMES)}")

"""Encoders by the name a recipe gives them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from nyxqa.retriever.protocols import Encoder, Index
from nyxqa.schemas.errors import UsageError

_BM25 = "bm25"
NAMES = (
    _BM25,
    "e5:MODEL[@REVISION][?prefixes=off][&precision=bf16][&store=float16][&vectors=FILE]",
    "tiny[:PATH]",
    "nyx:MODEL[@REVISION][?store=float16]",
    "hf:MODEL[@REVISION][?store=float16]",
    "endpoint:MODEL@URL",
)


def is_dense(spec: str) -> bool:
    """Whether the encoder computes vectors with a model, which occupies the device or all cores."""
    return spec != _BM25


def make_encoder(spec: str) -> Encoder:
    """The encoder that ``spec`` names; weights are loaded on first use.

    :raises UsageError: If the name is unknown; the message lists the valid ones.
    :raises WorldError: If the folder does not exist.
    """
    kind, colon, rest = spec.partition(":")
    if spec == _BM25:
        from nyxqa.retriever.encoders.bm25 import Bm25Encoder

        return Bm25Encoder()
    if kind == "e5" and rest:
        from nyxqa.retriever.encoders.e5 import E5Encoder, parse_e5
        from nyxqa.retriever.encoders.ready_vectors import ReadyE5Encoder

        model = parse_e5(rest)
        return ReadyE5Encoder(model) if model.vectors else E5Encoder(model)
    if kind == "endpoint" and rest:
        from nyxqa.retriever.encoders.endpoint import EndpointEncoder, parse_endpoint

        return EndpointEncoder(parse_endpoint(rest))
    if kind == "tiny" and (rest or not colon):
        from nyxqa.retriever.encoders.tiny import TinyEncoder

        return TinyEncoder(rest)
    if kind == "nyx" and rest:
        from nyxqa.retriever.encoders.vision import vision_encoder
        from nyxqa.retriever.models.nyx import load_nyx

        return vision_encoder(kind, rest, load_nyx)
    if kind == "hf" and rest:
        from nyxqa.retriever.encoders.vision import vision_encoder
        from nyxqa.retriever.models.hf import load_hf

        return vision_encoder(kind, rest, load_hf)
    raise UsageError(f"unknown encoder {spec!r}; valid names: {', '.join(NAMES)}")


def open_index(spec: str, folder: Path) -> Index:
    """The index in ``folder``, built by the encoder that ``spec`` names; the last one stays open in this process."""
    return _open_index(spec, folder, folder.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _open_index(spec: str, folder: Path, modified: int) -> Index:
    """:param modified: Modification time of ``folder``, so that an index that was built again is opened again."""
    return make_encoder(spec).open(folder)

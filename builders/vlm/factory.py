"""Turns the name of a model (``vlm.model``, ``--vlm``) into its provider."""

from __future__ import annotations

from nyxqa.builders.vlm.protocol import VlmProvider
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import EXTRACTIVE


def make_provider(spec: str) -> VlmProvider:
    """The provider of ``spec``; nothing is opened.

    :raises UsageError: If ``spec`` is not the name of a model.
    """
    if spec == EXTRACTIVE:
        from nyxqa.builders.vlm.extractive.model import ExtractiveProvider

        return ExtractiveProvider()
    if spec.startswith("openai:"):
        from nyxqa.builders.vlm.openai.provider import OpenAiProvider

        return OpenAiProvider.parse(spec)
    raise UsageError(
        f"vlm.model = {spec!r} is not a model; write extractive, or openai:MODEL@URL with a URL that ends in /v1, for "
        f"example openai:{_model_of(spec)}@https://api.openai.com/v1"
    )


def _model_of(spec: str) -> str:
    """The model that somebody may have meant: the name alone, without a kind before it."""
    name = spec.partition("@")[0].rpartition(":")[2].strip()
    return name if name and " " not in name else "gpt-4o"

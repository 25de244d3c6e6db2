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
        f"vlm.model = {spec!r} is not a model; write extractive, or openai:MODEL@URL with a URL that ends in /v1"
    )

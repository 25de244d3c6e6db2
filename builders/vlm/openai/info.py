"""Properties of a model behind an endpoint that are known without a request."""

from __future__ import annotations

from nyxqa.builders.vlm.prompt import prompt_hashes
from nyxqa.builders.vlm.protocol import VlmInfo

# Raised whenever the same stored answers are read as other questions, answers or options.
_READING = 3


def model_info(model: str) -> VlmInfo:
    """The name of ``model`` in tables, and the versions of its prompts and of the parsing of its answers."""
    return VlmInfo(f"openai:{model}", prompt_hashes(), _READING)

"""``openai:MODEL@URL``: a model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.builders.vlm.openai.names import are_base_urls, model_info
from nyxqa.builders.vlm.protocol import VlmInfo
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import VlmSection

if TYPE_CHECKING:
    from nyxqa.builders.vlm.openai.model import OpenAiVlm


@dataclass(frozen=True)
class OpenAiProvider:
    """A model and its endpoint.

    :param model: Name of the model as the endpoint knows it.
    :param url: Base URL with ``/v1``; a login in it is used and never shown.
    """

    model: str
    url: str = field(repr=False)

    @classmethod
    def parse(cls, spec: str) -> OpenAiProvider:
        """The provider of ``openai:MODEL@URL``, split at the first ``@http``.

        :raises UsageError: If ``spec`` has another form.
        """
        model, separator, rest = spec.removeprefix("openai:").partition("@http")
        url = f"http{rest}"
        if not model or not separator or not are_base_urls(url):
            shown = f"openai:{model}@..." if separator else spec  # the URL may hold a password
            raise UsageError(
                f"vlm.model = {shown!r} is not a model; write openai:MODEL@URL with a URL that ends in /v1"
                " (several servers: URL1,URL2)"
            )
        return cls(model, url)

    @property
    def info(self) -> VlmInfo:
        """What the endpoint's model is called; prompts are read from the package."""
        return model_info(self.model)

    def open(self, settings: VlmSection, seed: int, store_folder: Path, *, retry_failed: bool = False) -> OpenAiVlm:
        """The model; connections and answer store are opened with the first request."""
        from nyxqa.builders.vlm.openai.model import OpenAiVlm

        return OpenAiVlm(self.model, self.url, settings, seed, store_folder, retry_failed=retry_failed)

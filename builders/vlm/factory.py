"""The single door to a model: its name in the recipe becomes the model itself."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from nyxqa.builders.vlm.protocol import Vlm
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import VlmSection

_HELP = "write extractive, or openai:MODEL@URL with a URL that ends in /v1"


def make_vlm(section: VlmSection, seed: int, store_folder: Path, *, retry_failed: bool = False) -> Vlm:
    """The model that ``section.model`` names.

    :param store_folder: Where answers of an endpoint are kept; it has one owner at a time.
    :param retry_failed: Whether requests that failed in an earlier run are asked again.
    :raises UsageError: If the name is none of a model.
    """
    if section.is_extractive:
        from nyxqa.builders.vlm.extractive.model import Extractive

        return Extractive(seed)
    name, url = parse_model(section.model)
    from nyxqa.builders.vlm.openai.model import OpenAi

    return OpenAi(name, url, section, seed, store_folder, retry_failed=retry_failed)


def parse_model(model: str) -> tuple[str, str]:
    """Name and base URL of ``openai:MODEL@URL``, split at the first ``@http``.

    :raises UsageError: If it is not of that form.
    """
    name, at, rest = model.removeprefix("openai:").partition("@http")
    url = f"http{rest}"
    if not model.startswith("openai:") or not name or not at or not _is_base(url):
        shown = f"openai:{name}@..." if at else model
        raise UsageError(f"vlm.model = {shown!r} names no model; {_HELP}")
    return name, url


def _is_base(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False

"""The name of a model behind an endpoint: the URLs of its servers, and what is known of it without a request."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from nyxqa.builders.vlm.prompt import prompt_hashes
from nyxqa.builders.vlm.protocol import VlmInfo

_BETWEEN = re.compile(r",(?=https?://)")

# Raised whenever the same stored answers are read as other questions, answers or options.
_READING = 3


def split_urls(urls: str) -> list[str]:
    """Each URL once, in order."""
    return list(dict.fromkeys(url for url in _BETWEEN.split(urls) if url))


def are_base_urls(urls: str) -> bool:
    """Whether each of ``urls`` is an http or https URL with a host."""
    return bool(split_urls(urls)) and all(_is_base_url(url) for url in split_urls(urls))


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def model_info(model: str) -> VlmInfo:
    """The name of ``model`` in tables, and the versions of its prompts and of the parsing of its answers."""
    return VlmInfo(f"openai:{model}", prompt_hashes(), _READING)

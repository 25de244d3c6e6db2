"""The URLs in the name of a model: one, or several servers of the same model separated by commas."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_BETWEEN = re.compile(r",(?=https?://)")


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

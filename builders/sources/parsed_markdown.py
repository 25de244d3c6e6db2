"""Markdown that marker and MinerU write of a PDF: its page markers become sections, captions go to their pictures."""

from __future__ import annotations

import re
from typing import Any

from nyxqa.builders.sources.base import text_part
from nyxqa.builders.sources.figure_caption import is_caption

# marker's paginated output: the number of the page that follows, from 0, and 48 dashes.
_PAGE = re.compile(r"^\\?\{(\d{1,5})\\?\}-{20,}\s*$", re.MULTILINE)
_MARKER_IMAGE = re.compile(r"(?:^|/)_page_(\d{1,5})_[A-Za-z]+_\d+\.(?:jpe?g|png|webp)$")
_MINERU_IMAGE = re.compile(r"(?:^|/)images/[0-9a-f]{32,64}\.(?:jpe?g|png)$")


def read_parsed(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``parts`` of a Markdown file with page markers and captions read; other files stay as they are."""
    if not any(_PAGE.search(part["text"]) if part["text"] else _is_parsers(part["image"]) for part in parts):
        return parts
    return _with_captions(_with_pages(parts))


def _is_parsers(image: str) -> bool:
    return bool(_MARKER_IMAGE.search(image) or _MINERU_IMAGE.search(image))


def _with_pages(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts without page markers, each with its page in the section."""
    found: list[dict[str, Any]] = []
    page = ""
    for part in parts:
        if part["text"] is None:
            named = _MARKER_IMAGE.search(part["image"])
            found.append({**part, "section": _section(part, str(int(named.group(1)) + 1) if named else page)})
            continue
        first, *rest = _PAGE.split(part["text"])
        for number, text in [(None, first), *zip(rest[::2], rest[1::2], strict=True)]:
            page = page if number is None else str(int(number) + 1)
            if text.strip():
                found.append({**part, "text": text.strip("\n"), "section": _section(part, page)})
    return found


def _section(part: dict[str, Any], page: str) -> str:
    return ", ".join(filter(None, (part["section"], f"p. {page}" if page else "")))


def _with_captions(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts in which the caption below a picture that has none is its caption, and not text."""
    found: list[dict[str, Any]] = []
    for part in parts:
        above = found[-1] if found else None
        first, _, rest = (part["text"] or "").partition("\n")
        if above is None or above["text"] is not None or above["caption"] or not is_caption(first):
            found.append(part)
            continue
        found[-1] = {**above, "caption": " ".join(first.split()), "caption_origin": "figure"}
        if rest.strip():
            found.append(text_part(rest.strip("\n"), part["section"]))
    return found

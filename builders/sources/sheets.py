"""Pictures of a rendered page that lie beside its file: what ``chunk.unit = "page"`` takes of HTML and Markdown.

``a/page.html.png`` is the picture of all of ``a/page.html``, and its caption is the text of the page. Of a page in
several pictures the folder ``a/page.html.sheets`` holds these in order of their names, each with its text beside it
(``1.png``, ``1.txt``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from nyxqa.builders.row_files.compression import SUFFIXES
from nyxqa.builders.sources.base import MAX_RAW, image_part
from nyxqa.builders.sources.charset import decode_text
from nyxqa.builders.sources.cleaning import TextCleaner

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_FOLDER = ".sheets"
_NUMBERS = re.compile(r"(\d+)")


def has_sheets(paths: Iterable[str]) -> bool:
    """Whether one of the files of a folder is a picture of a page."""
    return any(
        path.lower().endswith(_PICTURES)
        and (PurePosixPath(path).parent.name.endswith(_FOLDER) or PurePosixPath(path).stem.count("."))
        for path in paths
    )


def sheets(
    folder: Path, page: str, parts: Sequence[dict[str, Any]], title: str, cleaner: TextCleaner
) -> list[dict[str, Any]]:
    """A part for each picture of a page, with its text as caption; none without a picture.

    :param page: The page's file, relative to ``folder``.
    :param parts: The content of the page.
    """
    name = next((page.removesuffix(one) for one in SUFFIXES if page.lower().endswith(one)), page)
    base = PurePosixPath(name).name
    for suffix in _PICTURES:
        if _is_inside(folder, f"{name}{suffix}"):
            text = "\n".join(filter(None, (part["text"] or part["caption"] for part in parts)))
            return [image_part(quote(f"{base}{suffix}"), text, "alt" if text else "", title)]
    place = folder / f"{name}{_FOLDER}"
    files = sorted(place.iterdir(), key=_natural) if place.is_dir() else []
    found = [file.name for file in files if file.suffix.lower() in _PICTURES]
    pictures = [one for one in found if _is_inside(folder, f"{name}{_FOLDER}/{one}")]
    listed = []
    for number, picture in enumerate(pictures, 1):
        text = _text(folder, f"{name}{_FOLDER}/{Path(picture).stem}.txt", cleaner)
        section = f"{title}, p. {number}" if title else f"p. {number}"
        listed.append(image_part(quote(f"{base}{_FOLDER}/{picture}"), text, "alt" if text else "", section))
    return listed


def _text(folder: Path, path: str, cleaner: TextCleaner) -> str:
    file = folder / path
    if not _is_inside(folder, path) or file.stat().st_size > MAX_RAW:
        return ""
    return cleaner(decode_text(file.read_bytes()))


def _is_inside(folder: Path, path: str) -> bool:
    file = folder / path
    return file.is_file() and file.resolve().is_relative_to(folder.resolve())


def _natural(file: Path) -> list[tuple[int, str]]:
    """Names in the order of the numbers in them."""
    return [(int(one), "") if one.isdigit() else (-1, one) for one in _NUMBERS.split(file.name) if one]

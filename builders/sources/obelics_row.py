"""From a row with the columns of OBELICS to a page, whatever the container."""

from __future__ import annotations

import base64
import json
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import MAX_TEXT, Item, Page, checked_page, image_part, text_part
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.schemas.ids import page_id_of_path, page_id_of_url

# The columns that are read; the first two are required. ``url`` is MINT-1T's; title, language and license are ours.
COLUMNS = ("texts", "images", "metadata", "general_metadata", "url", "title", "language", "license")


class BadRowError(ValueError):
    """A row whose columns do not match the format; the message names the column."""


class TooLongError(ValueError):
    """A row with more than ``MAX_TEXT`` characters of text."""


def page_of_row(item: Item, row: Any, where: str) -> Page | Drop:
    """Return the page of one row, or a drop.

    :param row: The row's columns as JSON types; keys that are not in ``COLUMNS`` are ignored.
    :param where: What the ledger calls the row's place.
    """
    cleaner = TextCleaner()
    try:
        page = _page(item, row, cleaner)
    except TooLongError as error:
        return item.drop("too_large", f"{where}: {error}")
    except BadRowError as error:
        return item.drop("bad_row", f"{where}: {error}")
    return checked_page(page, item, cleaner)


def _page(item: Item, row: Any, cleaner: TextCleaner) -> Page:
    if not isinstance(row, dict):
        raise BadRowError(f"an object is needed, not {_kind(row)}")
    texts, images = _entries(row, "texts"), _entries(row, "images")
    if len(texts) != len(images):
        raise BadRowError(f"columns texts and images differ in length: {len(texts)} and {len(images)}")
    if sum(len(text) for text in texts if text) > MAX_TEXT:
        raise TooLongError(f"more than {MAX_TEXT} characters of text")
    captions = _captions(row, len(texts))
    parts = []
    for index, (text, image, caption) in enumerate(zip(texts, images, captions, strict=True)):
        if (text is None) == (image is None):
            which = "neither is" if text is None else "both are"
            raise BadRowError(f"entry {index}: exactly one of texts and images must be set, {which}")
        if image is not None:
            alt = cleaner.line(caption)
            parts.append(image_part(cleaner.printable(image), alt, "alt" if alt else ""))
        elif text is not None and (cleaned := cleaner(text)):
            parts.append(text_part(cleaned))
    url = _url(row, cleaner)
    return Page(
        item.name,
        item.path,
        page_id_of_url(url) if url else page_id_of_path(item.path, item.row),
        parts,
        title=cleaner.line(_string(row, "title")) or None,
        url=url,
        language=cleaner.line(_string(row, "language")) or None,
        license=cleaner.line(_string(row, "license")) or None,
    )


def _entries(row: dict[str, Any], column: str) -> list[str | None]:
    if column not in row:
        raise BadRowError(f"column {column} is missing")
    entries = row[column]
    if not isinstance(entries, list):
        raise BadRowError(f"column {column}: a list is needed, not {_kind(entries)}")
    if column == "images":
        entries = [_reference(entry) for entry in entries]
    for index, entry in enumerate(entries):
        if not (entry is None or isinstance(entry, str)):
            raise BadRowError(f"column {column}, entry {index}: a string or null is needed, not {_kind(entry)}")
    return entries


def _reference(entry: Any) -> Any:
    """Return the reference of an image that ``datasets`` stores as bytes and path, anything else unchanged."""
    if isinstance(entry, bytes):
        return inline_image(entry)
    if not isinstance(entry, dict) or not entry.keys() <= {"bytes", "path"}:
        return entry
    data, path = entry.get("bytes"), entry.get("path")
    if data is None:
        return path
    return inline_image(data) if isinstance(data, bytes) else data


def inline_image(data: bytes) -> str:
    """Return the reference of an image whose bytes are stored in the row: a data URL."""
    return f"data:;base64,{base64.b64encode(data).decode()}"


def _captions(row: dict[str, Any], count: int) -> list[str]:
    """Return ``alt_text`` of each entry of ``metadata``, the empty string where it is missing."""
    metadata = _nested(row, "metadata")
    if metadata is None:
        return [""] * count
    if not isinstance(metadata, list):
        raise BadRowError(f"column metadata: a list is needed, not {_kind(metadata)}")
    if len(metadata) != count:
        raise BadRowError(f"columns texts and metadata differ in length: {count} and {len(metadata)}")
    return [_string(entry, "alt_text") or "" if isinstance(entry, dict) else "" for entry in metadata]


def _url(row: dict[str, Any], cleaner: TextCleaner) -> str | None:
    general = _nested(row, "general_metadata")
    if not (general is None or isinstance(general, dict)):
        raise BadRowError(f"column general_metadata: an object is needed, not {_kind(general)}")
    url = cleaner.line(_string(row, "url") or (_string(general, "url") if general else None))
    if not url:
        return None
    try:
        page_id_of_url(url)
    except ValueError as error:
        raise BadRowError(f"column url: {error}") from error
    return url


def _nested(row: dict[str, Any], column: str) -> Any:
    """Return the value of a column that OBELICS stores as a JSON string."""
    value = row.get(column)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else None
    except (ValueError, RecursionError) as error:
        raise BadRowError(f"column {column}: not valid JSON: {error}") from error


def _string(row: dict[str, Any], column: str) -> str | None:
    value = row.get(column)
    if value is None or isinstance(value, str):
        return value
    raise BadRowError(f"column {column}: a string or null is needed, not {_kind(value)}")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")

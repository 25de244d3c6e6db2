"""Pages from an OBELICS-shaped JSONL file, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from nyxqa.builders.engine.account import Drop
from nyxqa.builders.sources.base import (
    MAX_RAW,
    MAX_TEXT,
    Batch,
    Item,
    Page,
    batched,
    chosen,
    dropped,
    finished,
    image_part,
    text_part,
)
from nyxqa.builders.sources.text import TextCleaner
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import page_id_of_path, page_id_of_url
from nyxqa.schemas.recipe import Web


class BadRowError(ValueError):
    """A row whose columns are not as the format says; the message names the column."""


@dataclass(frozen=True)
class JsonlSource:
    """Rows of one file; images lie beside it, elsewhere on the web, or in the rows.

    :param file: The file; ``.gz`` is read through gzip.
    """

    kind: str
    file: Path
    web: Web

    @property
    def root(self) -> Path:
        """Folder of the file."""
        return self.file.parent

    def fingerprint(self) -> object:
        """Name, size and time of the file.

        :raises WorldError: If it is missing, empty or no file.
        """
        try:
            state = self.file.stat()
            with self.file.open("rb"):
                pass
        except FileNotFoundError as error:
            raise WorldError(f"source file {self.file} does not exist") from error
        except OSError as error:
            raise WorldError(f"source file {self.file} cannot be read: {error.strerror}") from error
        if state.st_size == 0:
            raise WorldError(f"source file {self.file} is empty")
        return [[self.file.name, state.st_size, state.st_mtime_ns]]

    def tasks(self) -> Iterator[Batch]:
        """Batches of raw lines; blank lines are no rows."""
        return batched(chosen(self._items(), self.web))

    def parse(self, item: Item) -> Page | Drop:
        """The page of one line, or why there is none."""
        where = f"{item.path} line {(item.row or 0) + 1}"
        if item.raw is None:
            return dropped(item, "too_large", f"{where}: {item.size} bytes, at most {MAX_RAW} are taken")
        try:
            row = json.loads(item.raw.decode("utf-8-sig"))
        except json.JSONDecodeError as error:
            return dropped(item, "bad_json", f"{where} column {error.colno}: {error.msg}")
        except UnicodeDecodeError as error:
            return dropped(item, "bad_json", f"{where} byte {error.start + 1}: not UTF-8")
        except (ValueError, RecursionError) as error:
            return dropped(item, "bad_json", f"{where}: {error}")
        cleaner = TextCleaner()
        try:
            page = _page(item, row, cleaner)
        except TooLongError as error:
            return dropped(item, "too_large", f"{where}: {error}")
        except BadRowError as error:
            return dropped(item, "bad_row", f"{where}: {error}")
        return finished(page, item, cleaner)

    def _items(self) -> Iterator[Item]:
        name = self.file.name
        try:
            with self._open() as lines:
                for row, (raw, size) in enumerate(_lines(lines)):
                    if raw is None or raw.strip():
                        yield Item(f"{name}:{row + 1}", name, row, raw, size)
        except (OSError, EOFError, zlib.error) as error:
            raise WorldError(f"source file {self.file} cannot be read to its end: {error}") from error

    def _open(self) -> IO[bytes]:
        if self.file.suffix == ".gz":
            return cast(IO[bytes], gzip.open(self.file))
        return self.file.open("rb")


class TooLongError(ValueError):
    """A row with more text than is taken."""


def _lines(lines: IO[bytes]) -> Iterator[tuple[bytes | None, int]]:
    """Each line with its size; one of more than ``MAX_RAW`` bytes is passed over and comes as none."""
    while raw := lines.readline(MAX_RAW + 1):
        size = len(raw)
        if size <= MAX_RAW or raw.endswith(b"\n"):
            yield raw, size
            continue
        while not raw.endswith(b"\n") and (raw := lines.readline(MAX_RAW)):
            size += len(raw)
        yield None, size


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
            parts.append(image_part(cleaner.printable(image), cleaner.line(caption)))
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
    for index, entry in enumerate(entries):
        if not (entry is None or isinstance(entry, str)):
            raise BadRowError(f"column {column}, entry {index}: a string or null is needed, not {_kind(entry)}")
    return entries


def _captions(row: dict[str, Any], count: int) -> list[str]:
    """``alt_text`` of each entry of ``metadata``; empty where there is none."""
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
    """The value of a column that OBELICS holds as a JSON string."""
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

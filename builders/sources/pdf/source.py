"""Pages from a folder of PDF files, or from one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import (
    Batch,
    Item,
    Notify,
    Page,
    Source,
    checked_page,
    image_part,
    subsample,
    text_part,
)
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.listing import ListedFile, listed_files
from nyxqa.builders.sources.pdf.process import FailedReadError, read_apart
from nyxqa.schemas.errors import WorldError, missing_extra
from nyxqa.schemas.ids import page_id_of_path
from nyxqa.schemas.locator import write_locator
from nyxqa.schemas.recipe import Pdf, Web

MAX_BYTES = 1 << 30  # of a file
_BATCH_FILES = 8
_BATCH_BYTES = 16_000_000
_SHEET_ORIGIN = "alt"  # the text of a sheet stands for its picture


@dataclass(frozen=True)
class PdfSource(Source):
    """All PDF files below a folder, sorted by relative path, or one file; each is one page.

    :param place: The folder or file.
    :param unit: ``page``: every sheet is a picture with its text as caption.
    """

    place: Path
    web: Web
    settings: Pdf
    unit: str = "tokens"
    kind: str = "pdf"

    @property
    def root(self) -> Path:
        """The folder, or that of the file."""
        return self.place if self.place.is_dir() else self.place.parent

    def fingerprint(self) -> object:
        """Return a hash over path, size and time of every PDF file, and what changes how they are read.

        :raises WorldError: If there is no PDF file.
        :raises MissingExtraError: If the extra ``pdf`` is not installed.
        """
        if find_spec("pypdfium2") is None:
            raise missing_extra("pypdfium2", "pdf")
        digest, files = hashlib.sha256(), self._files()
        if not files:
            raise WorldError(f"source folder {self.place} has no page (*.pdf)")
        for path, state in files:
            digest.update(os.fsencode(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\0"))
        return {"files": digest.hexdigest(), "unit": self.unit, **self.settings.model_dump()}

    def tasks(self, notify: Notify) -> Iterator[Batch]:
        """Yield batches of at most 8 files; workers read them."""
        batch: list[Item] = []
        for path, state in subsample(self._files(), self.web):
            name = os.fsencode(path).decode("utf-8", "backslashreplace")
            batch.append(Item(name, path, None, None, state.st_size))
            if len(batch) == _BATCH_FILES or sum(item.size for item in batch) >= _BATCH_BYTES:
                yield tuple(batch)
                batch = []
        if batch:
            yield tuple(batch)

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """Yield the page of each file, or a drop."""
        return map(self._parse, batch)

    def _files(self) -> list[ListedFile]:
        if self.place.is_file():
            return [(self.place.name, self.place.stat())]
        return listed_files(self.place, ".pdf")

    def _parse(self, item: Item) -> Page | Drop:
        if item.name != item.path:
            return item.drop("bad_name", "the file's name is not UTF-8")
        file = self.root / item.path
        if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(self.root)):
            return item.drop("outside_source", "a link that leaves the folder")
        if item.size > MAX_BYTES:
            return item.drop("too_large", f"{item.size} bytes, at most {MAX_BYTES} are taken")
        request = {"file": str(file), "dpi": self.settings.dpi, "render": self.settings.render, "unit": self.unit}
        try:
            answer = read_apart(request)
        except FailedReadError as error:
            return item.drop(error.reason, error.detail)
        if "drop" in answer:
            return item.drop(*answer["drop"])
        return _page(item, answer)


def _page(item: Item, answer: dict[str, Any]) -> Page | Drop:
    """The page of what was read."""
    cleaner = TextCleaner()
    parts = []
    for block in answer["blocks"]:
        section, locator = cleaner.line(block["section"]), write_locator(block["places"])
        if block["picture"] is not None:
            sheet = block["role"] == "sheet"
            caption = (cleaner if sheet else cleaner.line)(block["caption"])
            origin = "" if not caption else _SHEET_ORIGIN if sheet else "figure"
            parts.append(image_part(f"data:image/png;base64,{block['picture']}", caption, origin, section, locator))
        elif text := cleaner(block["text"]):
            parts.append(text_part(text, section, locator))
    page_id = page_id_of_path(item.path)
    title, language = cleaner.line(answer["title"]) or None, cleaner.line(answer["language"]) or None
    page = Page(item.name, item.path, page_id, parts, title, None, language)
    page.notes += [Drop("page", page_id, item.name, reason, detail[:500]) for reason, detail in answer["notes"]]
    return checked_page(page, item, cleaner)

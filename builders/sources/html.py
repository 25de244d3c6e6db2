"""Pages from a folder of HTML files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import MAX_RAW, Batch, Item, Page, Say, batched, chosen, dropped, finished
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.listing import listed_files
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import page_id_of_path
from nyxqa.schemas.recipe import Web

_SUFFIXES = (".html", ".htm", ".xhtml", ".shtml")


@dataclass(frozen=True)
class HtmlSource:
    """All pages below a folder, by their files' suffixes, sorted by relative path.

    A page's id is that of its path alone: a canonical link is often the same, wrong one on every page of a site.

    :param folder: The folder, which ``/x`` in a page refers to.
    """

    kind: str
    folder: Path
    web: Web

    @property
    def root(self) -> Path:
        """The folder."""
        return self.folder

    def fingerprint(self) -> object:
        """Hash over path, size and time of every file, images included.

        :raises WorldError: If the folder is missing, unreadable or holds no page.
        """
        digest, pages = hashlib.sha256(), 0
        for path, state in listed_files(self.folder):
            digest.update(os.fsencode(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\0"))
            pages += _is_page(path)
        if not pages:
            raise WorldError(f"source folder {self.folder} holds no page ({', '.join(f'*{one}' for one in _SUFFIXES)})")
        return digest.hexdigest()

    def tasks(self, say: Say) -> Iterator[Batch]:
        """Batches of files; workers read them."""
        pages = ((path, state.st_size) for path, state in listed_files(self.folder) if _is_page(path))
        return batched(Item(_printable(path), path, None, None, size) for path, size in chosen(pages, self.web))

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """The page of each file, or why there is none."""
        return map(self._parse, batch)

    def _parse(self, item: Item) -> Page | Drop:
        from nyxqa.builders.sources.html_page import RefusedHtmlError, read_html

        if item.name != item.path:
            return dropped(item, "bad_name", "the file's name is not UTF-8")
        file = self.folder / item.path
        if not file.resolve().is_relative_to(self.folder.resolve()):
            return dropped(item, "outside_source", "a link that leaves the folder")
        if item.size > MAX_RAW:
            return dropped(item, "too_large", f"{item.size} bytes, at most {MAX_RAW} are taken")
        try:
            data = file.read_bytes()
        except OSError as error:
            return dropped(item, "unreadable", error.strerror or "cannot be read")
        cleaner = TextCleaner()
        try:
            found = read_html(data, cleaner)
        except RefusedHtmlError as error:
            return dropped(item, error.reason, error.detail)
        page = Page(item.name, item.path, page_id_of_path(item.path), found.parts, found.title, None, found.language)
        return finished(page, item, cleaner)


def _is_page(path: str) -> bool:
    return path.lower().endswith(_SUFFIXES)


def _printable(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")

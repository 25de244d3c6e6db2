"""Pages from a folder of HTML and Markdown files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.compression import TooLargeError, decompressed, uncompressed_name
from nyxqa.builders.sources.base import MAX_RAW, Batch, Item, Notify, Page, Source, batched, checked_page, subsample
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.listing import file_item, listed_files, listing_hash, refused_file
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import page_id_of_path
from nyxqa.schemas.recipe import Web

_MARKDOWN = (".md", ".markdown")
_SUFFIXES = {"html": (".html", ".htm", ".xhtml", ".shtml", *_MARKDOWN), "markdown": _MARKDOWN}


@dataclass(frozen=True)
class HtmlSource(Source):
    """All HTML and Markdown files below a folder, or the latter alone, sorted by relative path.

    A page's id is derived from its path alone: on many sites a canonical link is the same, wrong one on every page.

    :param folder: The folder; ``/x`` in a page refers to ``folder/x``.
    :param kind: ``html``, or ``markdown`` for Markdown files alone.
    """

    folder: Path
    web: Web
    kind: str = "html"
    root_relative_links = True

    @property
    def root(self) -> Path:
        """The folder."""
        return self.folder

    def fingerprint(self) -> object:
        """Return a hash over path, size and time of every file, images included.

        :raises WorldError: If the folder is missing or unreadable, or has no page.
        """
        files = listed_files(self.folder)
        if not any(self._is_page(path) for path, _ in files):
            patterns = ", ".join(f"*{suffix}" for suffix in _SUFFIXES[self.kind])
            raise WorldError(f"source folder {self.folder} has no page ({patterns})")
        return listing_hash(files)

    def tasks(self, notify: Notify) -> Iterator[Batch]:
        """Yield batches of files; workers read them."""
        pages = (file_item(path, state) for path, state in listed_files(self.folder) if self._is_page(path))
        return batched(subsample(pages, self.web))

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """Yield the page of each file, or a drop."""
        return map(self._parse, batch)

    def _parse(self, item: Item) -> Page | Drop:
        from nyxqa.builders.sources.html_page import RefusedHtmlError, read_html, read_markdown

        if refused := refused_file(item, self.folder, MAX_RAW):
            return refused
        try:
            data = decompressed((self.folder / item.path).read_bytes(), MAX_RAW)
        except TooLargeError as error:
            return item.drop("too_large", str(error))
        except OSError as error:
            return item.drop("unreadable", error.strerror or str(error) or "cannot be read")
        cleaner = TextCleaner()
        try:
            read = read_markdown if uncompressed_name(item.path).endswith(_MARKDOWN) else read_html
            content = read(data, cleaner, partial(self._is_file, item.path))
        except RefusedHtmlError as error:
            return item.drop(error.reason, error.detail)
        page_id = page_id_of_path(item.path)
        page = Page(item.name, item.path, page_id, content.parts, content.title, None, content.language)
        return checked_page(page, item, cleaner)

    def _is_page(self, path: str) -> bool:
        return uncompressed_name(path).endswith(_SUFFIXES[self.kind])

    def _is_file(self, page: str, reference: str) -> bool:
        """Whether an image reference of a page is a file in the folder; links are checked when it is read."""
        path = unquote(re.split(r"[?#]", reference, maxsplit=1)[0])
        inside = posixpath.normpath(
            path.lstrip("/") if path.startswith("/") else posixpath.join(posixpath.dirname(page), path)
        )
        if not path or inside.startswith("..") or "\0" in inside:
            return False
        try:
            return (self.folder / inside).is_file()
        except (OSError, ValueError):
            return False  # no name of a file

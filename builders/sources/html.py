"""Pages from a folder of HTML and Markdown files."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import partial
from os.path import isfile
from urllib.parse import unquote

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.compression import uncompressed_name
from nyxqa.builders.sources.base import Item, Page, checked_page
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.folder import WholeFileSource, listing_hash
from nyxqa.builders.sources.sheets import has_sheets, sheets
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import page_id_of_path

_MARKDOWN = (".md", ".markdown")
_SUFFIXES = {"html": (".html", ".htm", ".xhtml", ".shtml", *_MARKDOWN), "markdown": _MARKDOWN}


@dataclass(frozen=True)
class HtmlSource(WholeFileSource):
    """All HTML and Markdown files below a folder, or the latter alone, sorted by relative path.

    A page's id is derived from its path alone: on many sites a canonical link is the same, wrong one on every page.

    :param folder: The folder; ``/x`` in a page refers to ``folder/x``.
    :param kind: ``html``, or ``markdown`` for Markdown files alone.
    """

    kind: str = "html"
    root_relative_links = True

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Those of HTML and Markdown, or of the latter alone."""
        return _SUFFIXES[self.kind]

    def fingerprint(self) -> object:
        """Return a hash over path, size and time of every file, images included.

        :raises WorldError: If the folder is missing or unreadable, or has no page, or no picture where pages are to be
            pictures.
        """
        files = self.files()
        if self.unit != "page":
            return listing_hash(files)
        if not has_sheets(path for path, _ in files):
            raise WorldError(
                f'source folder {self.folder} has no picture of a page, which chunk.unit = "page" needs: put '
                "PAGE.html.png beside PAGE.html, or the pictures of its screens into PAGE.html.sheets"
            )
        return {"files": listing_hash(files), "unit": self.unit}

    def page_of(self, item: Item, data: bytes) -> Page | Drop:
        """The page of a file, or a drop."""
        from nyxqa.builders.sources.html_page import RefusedHtmlError, read_html, read_markdown

        cleaner = TextCleaner()
        try:
            read = read_markdown if uncompressed_name(item.path).endswith(_MARKDOWN) else read_html
            content = read(data, cleaner, partial(self._is_file, item.path))
        except RefusedHtmlError as error:
            return item.drop(error.reason, error.detail)
        parts = content.parts
        if self.unit == "page":
            parts = sheets(self.folder, item.path, parts, content.title or "", cleaner)
            if not parts:
                return item.drop("no_sheet", "no picture of the page lies beside it")
        page_id = page_id_of_path(item.path)
        page = Page(item.name, item.path, page_id, parts, content.title, None, content.language)
        return checked_page(page, item, cleaner)

    def _is_file(self, page: str, reference: str) -> bool:
        """Whether an image reference of a page is a file in the folder; links are checked when it is read."""
        path = unquote(re.split(r"[?#]", reference, maxsplit=1)[0])
        inside = posixpath.normpath(
            path.lstrip("/") if path.startswith("/") else posixpath.join(posixpath.dirname(page), path)
        )
        if not path or inside.startswith("..") or "\0" in inside:
            return False
        return isfile(f"{self.folder}/{inside}")  # noqa: PTH113 - a Path for each image of each page takes its time

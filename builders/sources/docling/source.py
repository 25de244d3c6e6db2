"""Pages from a folder of DoclingDocuments as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote, urlsplit

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import Item, Page, checked_page
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.docling_document import BadDocumentError, DoclingDocument
from nyxqa.builders.sources.folder import FolderSource
from nyxqa.schemas.ids import page_id_of_path


@dataclass(frozen=True)
class DoclingSource(FolderSource):
    """All JSON files below a folder, sorted by relative path; each is one DoclingDocument and one page.

    :param folder: The folder; images that a document names lie in it.
    :param unit: ``page``: every sheet is a picture with its text as caption.
    """

    kind: str = "docling"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """That of JSON."""
        return (".json",)

    def fingerprint(self) -> object:
        """Return a hash over path, size and time of every file, images included.

        :raises WorldError: If the folder is missing or unreadable, or has no JSON file.
        """
        return {"files": super().fingerprint(), "unit": self.unit}

    def page_of(self, item: Item, data: bytes) -> Page | Drop:
        """The page of a file, or a drop."""
        cleaner = TextCleaner()
        try:
            document = DoclingDocument(json.loads(data), cleaner, partial(self._reference, item.path))
            content = document.content(self.unit)
        except BadDocumentError as error:
            return item.drop("not_docling", str(error))
        except (ValueError, RecursionError) as error:
            return item.drop("bad_json", str(error))
        page_id = page_id_of_path(item.path)
        page = Page(item.name, item.path, page_id, content.parts, cleaner.line(content.title) or None)
        if content.without_pixels:
            detail = f"{content.without_pixels} pictures stored without their image; their captions are text"
            page.notes.append(Drop("page", page_id, item.name, "no_pixels", detail))
        return checked_page(page, item, cleaner)

    def _reference(self, page: str, address: str) -> str:
        """An image's address, made relative to the file that names it if it is a path of this machine."""
        path = unquote(urlsplit(address).path) if address.startswith("file:") else address
        if not path.startswith("/"):
            return path
        return os.path.relpath(path, (self.folder / page).parent.absolute())

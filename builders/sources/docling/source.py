"""Pages from a folder of DoclingDocuments as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.compression import TooLargeError, decompressed, uncompressed_name
from nyxqa.builders.sources.base import MAX_RAW, Batch, Item, Notify, Page, Source, batched, checked_page, subsample
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.docling.document import BadDocumentError, DoclingDocument
from nyxqa.builders.sources.listing import file_item, listed_files, listing_hash, refused_file
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import page_id_of_path
from nyxqa.schemas.recipe import Web

_SUFFIX = ".json"


@dataclass(frozen=True)
class DoclingSource(Source):
    """All JSON files below a folder, sorted by relative path; each is one DoclingDocument and one page.

    :param folder: The folder; images that a document names lie in it.
    :param unit: ``page``: every sheet is a picture with its text as caption.
    """

    folder: Path
    web: Web
    unit: str = "tokens"
    kind: str = "docling"

    @property
    def root(self) -> Path:
        """The folder."""
        return self.folder

    def fingerprint(self) -> object:
        """Return a hash over path, size and time of every file, images included.

        :raises WorldError: If the folder is missing or unreadable, or has no JSON file.
        """
        files = listed_files(self.folder)
        if not any(_is_page(path) for path, _ in files):
            raise WorldError(f"source folder {self.folder} has no page (*{_SUFFIX})")
        return {"files": listing_hash(files), "unit": self.unit}

    def tasks(self, notify: Notify) -> Iterator[Batch]:
        """Yield batches of files; workers read them."""
        pages = (file_item(path, state) for path, state in listed_files(self.folder) if _is_page(path))
        return batched(subsample(pages, self.web))

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """Yield the page of each file, or a drop."""
        return map(self._parse, batch)

    def _parse(self, item: Item) -> Page | Drop:
        if refused := refused_file(item, self.folder, MAX_RAW):
            return refused
        cleaner = TextCleaner()
        try:
            data = json.loads(decompressed((self.folder / item.path).read_bytes(), MAX_RAW))
            content = DoclingDocument(data, cleaner, partial(self._reference, item.path)).content(self.unit)
        except TooLargeError as error:
            return item.drop("too_large", str(error))
        except OSError as error:
            return item.drop("unreadable", error.strerror or str(error) or "cannot be read")
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


def _is_page(path: str) -> bool:
    return uncompressed_name(path).endswith(_SUFFIX)

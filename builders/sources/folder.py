"""Pages from a folder in which each file of some suffixes is a page."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.compression import TooLargeError, decompressed, uncompressed_name
from nyxqa.builders.sources.base import MAX_RAW, Batch, Item, Notify, Page, Source, batched, subsample
from nyxqa.builders.sources.listing import ListedFile, file_item, listed_files, listing_hash, refused_file
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Web


@dataclass(frozen=True)
class FolderSource(Source):
    """All files below a folder that are pages by their suffix, plain or compressed, sorted by relative path.

    :param folder: The folder; the images of pages lie in it.
    :param unit: What becomes a document, ``chunk.unit``.
    """

    folder: Path
    web: Web
    unit: str = "tokens"

    @property
    def root(self) -> Path:
        """The folder."""
        return self.folder

    @property
    @abstractmethod
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes of the files that are pages, in lower case."""

    @abstractmethod
    def page_of(self, item: Item, data: bytes) -> Page | Drop:
        """The page of a file, or a drop.

        :param data: What the file holds, decompressed.
        """

    def files(self) -> list[ListedFile]:
        """All files of the folder.

        :raises WorldError: If the folder is missing or unreadable, or has no page.
        """
        files = listed_files(self.folder)
        if not any(self.is_page(path) for path, _ in files):
            patterns = ", ".join(f"*{suffix}" for suffix in self.suffixes)
            raise WorldError(f"source folder {self.folder} has no page ({patterns})")
        return files

    def fingerprint(self) -> object:
        """Return a hash over path, size and time of every file, images included.

        :raises WorldError: If the folder is missing or unreadable, or has no page.
        """
        return listing_hash(self.files())

    def tasks(self, notify: Notify) -> Iterator[Batch]:
        """Yield batches of files; workers read them."""
        pages = (file_item(path, state) for path, state in listed_files(self.folder) if self.is_page(path))
        return batched(subsample(pages, self.web))

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """Yield the page of each file, or a drop."""
        return map(self._parse, batch)

    def is_page(self, path: str) -> bool:
        """Whether a file is a page by its name."""
        return uncompressed_name(path).endswith(self.suffixes)

    def _parse(self, item: Item) -> Page | Drop:
        if refused := refused_file(item, self.folder, MAX_RAW):
            return refused
        try:
            data = decompressed((self.folder / item.path).read_bytes(), MAX_RAW)
        except TooLargeError as error:
            return item.drop("too_large", str(error))
        except OSError as error:
            return item.drop("unreadable", error.strerror or str(error) or "cannot be read")
        return self.page_of(item, data)

"""The files of a source folder, and pages from a folder in which each file of some suffixes is a page."""

from __future__ import annotations

import errno
import hashlib
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.compression import TooLargeError, decompressed, uncompressed_name
from nyxqa.builders.sources.base import MAX_RAW, Batch, Item, Notify, Page, Source, batched, subsample
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Web

ListedFile = tuple[str, os.stat_result]


@dataclass(frozen=True)
class FolderSource(Source):
    """All files below a folder that are pages by their suffix, sorted by relative path.

    :param folder: The folder; the images of pages lie in it.
    :param unit: What becomes a document, ``chunk.unit``.
    """

    folder: Path
    web: Web
    unit: str = "tokens"
    max_bytes: ClassVar[int] = MAX_RAW  # of a file
    batch_files: ClassVar[int | None] = None  # most files of a batch; None: as many as of other sources

    @property
    def root(self) -> Path:
        """The folder."""
        return self.folder

    @property
    @abstractmethod
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes of the files that are pages, in lower case."""

    @abstractmethod
    def read(self, item: Item) -> Page | Drop:
        """The page of a file that may be read, or a drop."""

    def listed(self) -> list[ListedFile]:
        """The files that are looked at, those that are no pages included.

        :raises WorldError: If the folder is missing or unreadable.
        """
        return listed_files(self.folder)

    def files(self) -> list[ListedFile]:
        """All files of the folder.

        :raises WorldError: If the folder is missing or unreadable, or has no page.
        """
        files = self.listed()
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
        pages = (file_item(path, state) for path, state in self.listed() if self.is_page(path))
        return batched(subsample(pages, self.web), self.batch_files)

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """Yield the page of each file, or a drop."""
        return map(self._parse, batch)

    def is_page(self, path: str) -> bool:
        """Whether a file is a page by its name."""
        return uncompressed_name(path).endswith(self.suffixes)

    def _parse(self, item: Item) -> Page | Drop:
        return refused_file(item, self.root, self.max_bytes) or self.read(item)


class WholeFileSource(FolderSource):
    """A folder whose files, plain or compressed, are read whole into memory."""

    @abstractmethod
    def page_of(self, item: Item, data: bytes) -> Page | Drop:
        """The page of a file, or a drop.

        :param data: What the file holds, decompressed.
        """

    def read(self, item: Item) -> Page | Drop:
        """The page of a file that may be read, or a drop."""
        try:
            data = decompressed((self.folder / item.path).read_bytes(), MAX_RAW)
        except TooLargeError as error:
            return item.drop("too_large", str(error))
        except OSError as error:
            return item.drop("unreadable", error.strerror or str(error) or "cannot be read")
        return self.page_of(item, data)


def listed_files(folder: Path, suffix: str = "") -> list[ListedFile]:
    """Return the files below ``folder`` as relative path and state, sorted by path.

    Hidden folders and the outputs of builds are left out.

    :param suffix: Suffix that a file's name must have, in either case.
    :raises WorldError: If the folder is missing or unreadable.
    """
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise WorldError(f"source folder {folder} {problem}")
    try:
        return sorted(_walk(folder, suffix))
    except OSError as error:
        raise WorldError(f"source folder {error.filename} cannot be read: {error.strerror}") from error


def listing_hash(files: Iterable[ListedFile]) -> str:
    """Return a hash over path, size and time of every file, as hexadecimal digits."""
    digest = hashlib.sha256()
    for path, state in files:
        digest.update(os.fsencode(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\0"))
    return digest.hexdigest()


def file_item(path: str, state: os.stat_result) -> Item:
    """The input row of a file that is one page; bytes of its name that are not UTF-8 are escaped."""
    return Item(os.fsencode(path).decode("utf-8", "backslashreplace"), path, None, None, state.st_size)


def refused_file(item: Item, root: Path, max_bytes: int) -> Drop | None:
    """The drop of a file by its name, its place and its size; None if it may be read.

    :param root: The source's folder, which a link must not leave.
    """
    if item.name != item.path:
        return item.drop("bad_name", "the file's name is not UTF-8")
    if not Path(os.path.realpath(root / item.path)).is_relative_to(os.path.realpath(root)):
        return item.drop("outside_source", "a link that leaves the folder")
    if item.size > max_bytes:
        return item.drop("too_large", f"{item.size} bytes, at most {max_bytes} are taken")
    return None


def _walk(folder: Path, suffix: str) -> Iterator[ListedFile]:
    for place, folders, files in os.walk(folder, onerror=_raise):
        if ".work" in folders:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.lower().endswith(suffix):
                continue
            file = os.path.join(place, name)  # noqa: PTH118 - os.walk gives strings, and there may be millions
            try:
                state = os.stat(file)  # noqa: PTH116
            except FileNotFoundError:
                continue  # a dangling link
            except OSError as error:
                if error.errno == errno.ELOOP:  # a link that leads to itself
                    continue
                raise
            yield os.path.relpath(file, folder), state


def _raise(error: OSError) -> None:
    raise error

"""Pages from OBELICS-shaped JSONL files, plain or compressed."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.compression import (
    READ_ERRORS,
    Openable,
    numbered_lines,
    open_compressed,
    uncompressed_name,
)
from nyxqa.builders.sources.base import MAX_RAW, Batch, Item, Notify, Page, Source, batched, subsample
from nyxqa.builders.sources.folder import ListedFile, listed_files, listing_hash
from nyxqa.builders.sources.obelics_row import page_of_row
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Web


class JsonlSource(Source):
    """Rows of one file or several; images are beside them, at URLs, or inline."""

    web: Web

    @abstractmethod
    def files(self) -> Iterable[tuple[str, Openable]]:
        """Yield the files in order, each with its path inside the source; known by their first bytes or their names.

        :raises WorldError: If they cannot be listed.
        """

    def tasks(self, notify: Notify) -> Iterator[Batch]:
        """Yield batches of raw lines; blank lines are not rows."""
        return batched(subsample(self._items(), self.web))

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """Yield the page of each line, or a drop."""
        return map(self._parse, batch)

    def _parse(self, item: Item) -> Page | Drop:
        where = f"{item.path} line {(item.row or 0) + 1}"
        if item.raw is None:
            return item.drop("too_large", f"{where}: {item.size} bytes, at most {MAX_RAW} are taken")
        try:
            row = json.loads(item.raw.decode("utf-8-sig"))
        except json.JSONDecodeError as error:
            return item.drop("bad_json", f"{where} column {error.colno}: {error.msg}")
        except UnicodeDecodeError as error:
            return item.drop("bad_json", f"{where} byte {error.start + 1}: not UTF-8")
        except (ValueError, RecursionError) as error:
            return item.drop("bad_json", f"{where}: {error}")
        return page_of_row(item, row, where)

    def _items(self) -> Iterator[Item]:
        for name, file in self.files():
            try:
                with open_compressed(file) as stream:
                    for row, raw, size in numbered_lines(stream, MAX_RAW):
                        yield Item(f"{name}:{row + 1}", name, row, raw, size)
            except READ_ERRORS as error:
                raise WorldError(f"source file {file} cannot be read to its end: {error}") from error


@dataclass(frozen=True)
class JsonlFile(JsonlSource):
    """Rows of one file, or of all ``*.jsonl`` files below a folder; images are in the file's folder, or that folder.

    :param file: The file or folder.
    """

    kind: str
    file: Path
    web: Web

    @property
    def root(self) -> Path:
        """Folder of the images."""
        return self.file if self.file.is_dir() else self.file.parent

    def fingerprint(self) -> object:
        """Return name, size and time of the file, or of each in the folder.

        :raises WorldError: If the file is missing, empty or unreadable, or the folder has no such file.
        """
        if self.file.is_dir():
            return listing_hash(self._listed())
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

    def files(self) -> Iterable[tuple[str, Openable]]:
        """Yield the file, or those in the folder sorted by path."""
        if self.file.is_dir():
            return [(path, self.file / path) for path, _ in self._listed()]
        return [(self.file.name, self.file)]

    def _listed(self) -> list[ListedFile]:
        files = [one for one in listed_files(self.file) if is_jsonl(one[0])]
        if not files:
            raise WorldError(f"source folder {self.file} has no file *.jsonl, *.jsonl.gz or *.jsonl.zst")
        return files


def is_jsonl(path: str) -> bool:
    """Whether a file in a folder holds JSON lines by its name."""
    return uncompressed_name(path).endswith(".jsonl")

"""Pages from an OBELICS-shaped JSONL file, plain or compressed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.compression import READ_ERRORS, numbered_lines, open_compressed
from nyxqa.builders.sources.base import MAX_RAW, Batch, Item, Notify, Page, Source, batched, subsample
from nyxqa.builders.sources.obelics_row import page_of_row
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Web


@dataclass(frozen=True)
class JsonlSource(Source):
    """Rows of one file; images are in the file's folder, at URLs, or inline.

    :param file: The file; decompressed if it is gzip or Zstandard, by its name or its first bytes.
    """

    kind: str
    file: Path
    web: Web

    @property
    def root(self) -> Path:
        """Folder of the file."""
        return self.file.parent

    def fingerprint(self) -> object:
        """Return name, size and time of the file.

        :raises WorldError: If the file is missing, empty or unreadable.
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
        name = self.file.name
        try:
            with open_compressed(self.file) as stream:
                for row, raw, size in numbered_lines(stream, MAX_RAW):
                    yield Item(f"{name}:{row + 1}", name, row, raw, size)
        except READ_ERRORS as error:
            raise WorldError(f"source file {self.file} cannot be read to its end: {error}") from error

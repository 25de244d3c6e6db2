"""Pages from an OBELICS-shaped JSONL file, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import MAX_RAW, Batch, Item, Page, Say, batched, chosen, dropped
from nyxqa.builders.sources.obelics_row import page_of_row
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Web


@dataclass(frozen=True)
class JsonlSource:
    """Rows of one file; images lie beside it, elsewhere on the web, or in the rows.

    :param file: The file; ``.gz`` is read through gzip.
    """

    kind: str
    file: Path
    web: Web

    @property
    def root(self) -> Path:
        """Folder of the file."""
        return self.file.parent

    def fingerprint(self) -> object:
        """Name, size and time of the file.

        :raises WorldError: If it is missing, empty or no file.
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

    def tasks(self, say: Say) -> Iterator[Batch]:
        """Batches of raw lines; blank lines are no rows."""
        return batched(chosen(self._items(), self.web))

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """The page of each line, or why there is none."""
        return map(self._parse, batch)

    def _parse(self, item: Item) -> Page | Drop:
        where = f"{item.path} line {(item.row or 0) + 1}"
        if item.raw is None:
            return dropped(item, "too_large", f"{where}: {item.size} bytes, at most {MAX_RAW} are taken")
        try:
            row = json.loads(item.raw.decode("utf-8-sig"))
        except json.JSONDecodeError as error:
            return dropped(item, "bad_json", f"{where} column {error.colno}: {error.msg}")
        except UnicodeDecodeError as error:
            return dropped(item, "bad_json", f"{where} byte {error.start + 1}: not UTF-8")
        except (ValueError, RecursionError) as error:
            return dropped(item, "bad_json", f"{where}: {error}")
        return page_of_row(item, row, where)

    def _items(self) -> Iterator[Item]:
        name = self.file.name
        try:
            with self._open() as lines:
                for row, (raw, size) in enumerate(_lines(lines)):
                    if raw is None or raw.strip():
                        yield Item(f"{name}:{row + 1}", name, row, raw, size)
        except (OSError, EOFError, zlib.error) as error:
            raise WorldError(f"source file {self.file} cannot be read to its end: {error}") from error

    def _open(self) -> IO[bytes]:
        if self.file.suffix == ".gz":
            return cast(IO[bytes], gzip.open(self.file))
        return self.file.open("rb")


def _lines(lines: IO[bytes]) -> Iterator[tuple[bytes | None, int]]:
    """Each line with its size; one of more than ``MAX_RAW`` bytes is passed over and comes as none."""
    while raw := lines.readline(MAX_RAW + 1):
        size = len(raw)
        if size <= MAX_RAW or raw.endswith(b"\n"):
            yield raw, size
            continue
        while not raw.endswith(b"\n") and (raw := lines.readline(MAX_RAW)):
            size += len(raw)
        yield None, size

"""Pages from Parquet files of OBELICS columns, in a folder or on the Hub."""

from __future__ import annotations

import hashlib
import json
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import MAX_RAW, Batch, Item, Notify, Page, Source, batched, whole_groups
from nyxqa.builders.sources.folder import ListedFile, listed_files
from nyxqa.builders.sources.obelics_row import COLUMNS, inline_image, page_of_row
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Web

if TYPE_CHECKING:
    from nyxqa.builders.row_files.parquet import Group, ParquetRows, Values

NEEDED = ("texts", "images")
# Workers read row groups up to this size; the rows of larger groups are streamed by the driver and sent to workers.
_GROUP_ROWS = 4096
_GROUP_BYTES = 64_000_000
# The driver also reads groups of which at most one row in so many is selected: such rows are few, and each worker
# would need the footers.
_SPARSE = 10
_TOO_LONG = b""
ReadBy = Literal["driver_stream", "driver", "workers"]


class ParquetSource(Source):
    """Base of OBELICS files in a folder and on the Hub."""

    kind = "obelics"
    web: Web

    @abstractmethod
    def files(self) -> Sequence[str]:
        """Return the names of the files in order, relative to the source.

        :raises WorldError: If they cannot be listed.
        """

    @abstractmethod
    def rows(self) -> ParquetRows:
        """Return a reader of those files."""

    @abstractmethod
    def path(self, name: str) -> str:
        """Return the path of a file on its file system."""

    def tasks(self, notify: Notify) -> Iterator[Batch]:
        """Yield batches of rows: whole row groups by number, or the rows themselves where a row group is too large.

        :raises WorldError: If a file is not a Parquet file or lacks a needed column.
        """
        from nyxqa.builders.row_files.parquet import Totals

        names = {self.path(name): name for name in self.files()}
        totals = Totals()
        groups = list(self.rows().plan(list(names), self.web.every, self.web.limit, totals))
        read = sum(group.stored for group in groups)
        notify(
            f"source {self.web.source}: {sum(len(group.rows) for group in groups)} rows in {len(groups)} of "
            f"{totals.groups} row groups, {_size(read)} of {_size(totals.stored)} to read, and footers of "
            f"{_size(totals.footers)}"
        )
        for read_by, members in groupby(groups, _read_by):
            if read_by == "workers":
                yield from whole_groups(_numbered_items(group, names[group.file]) for group in members)
            else:
                loaded = self._loaded(members, read_by)
                yield from batched(chain.from_iterable(_loaded_items(g, names[g.file], rows) for g, rows in loaded))

    def _loaded(self, groups: Iterable[Group], read_by: ReadBy) -> Iterator[tuple[Group, Iterable[Values]]]:
        """Yield groups with their selected rows, read by this process."""
        rows = self.rows()
        if read_by == "driver":
            yield from rows.groups(groups)
        else:
            yield from ((group, rows.stream(group)) for group in groups)

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """Yield the page of each row, or a drop."""
        for (name, loaded), members in groupby(batch, lambda item: (item.path, item.raw is not None)):
            items = list(members)
            if loaded:
                rows: Iterator[Values | None] = (json.loads(item.raw) if item.raw else None for item in items)
            else:
                rows = self.rows().read(self.path(name), [item.row or 0 for item in items])
            for item, row in zip(items, rows, strict=True):
                yield _page(item, row)


@dataclass(frozen=True)
class ObelicsFolder(ParquetSource):
    """All ``*.parquet`` files below a folder, sorted by relative path; rows are counted through all of them.

    :param folder: The folder; relative image references must stay inside.
    """

    folder: Path
    web: Web

    @property
    def root(self) -> Path:
        """The folder."""
        return self.folder

    def fingerprint(self) -> object:
        """Return a hash over path, size and time of every Parquet file.

        :raises WorldError: If the folder is missing or unreadable, or has no Parquet file.
        """
        return self._version

    @cached_property
    def _version(self) -> str:
        """Computed once and pickled with the source: the folder may hold millions of images beside."""
        listed = [[path, state.st_size, state.st_mtime_ns] for path, state in self._listed()]
        if not listed:
            raise WorldError(f"source folder {self.folder} has no *.parquet file")
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()

    def files(self) -> Sequence[str]:
        """Return paths in the folder."""
        return [path for path, _ in self._listed()]

    def path(self, name: str) -> str:
        """Return the path of a file."""
        return os.fspath(self.folder / name)

    def rows(self) -> ParquetRows:
        """Return a reader of local files."""
        from fsspec.implementations.local import LocalFileSystem

        from nyxqa.builders.row_files.parquet import ParquetRows

        return ParquetRows(LocalFileSystem(), COLUMNS, NEEDED, self._version)

    def _listed(self) -> list[ListedFile]:
        return listed_files(self.folder, ".parquet")


def _read_by(group: Group) -> ReadBy:
    if group.count > _GROUP_ROWS or group.size > _GROUP_BYTES:
        return "driver_stream"
    return "driver" if len(group.rows) * _SPARSE <= group.count else "workers"


def _loaded_items(group: Group, name: str, rows: Iterable[Values]) -> Iterator[Item]:
    """Yield items that hold their rows as JSON."""
    for number, row in zip(group.rows, rows, strict=True):
        value = row if isinstance(row, dict) else {"unreadable": row.detail}
        raw = json.dumps(value, ensure_ascii=False, default=inline_image).encode("utf-8", "surrogatepass")
        capped = raw if len(raw) <= MAX_RAW else _TOO_LONG
        yield Item(f"{name}:{number + 1}", name, number, capped, len(raw))


def _numbered_items(group: Group, name: str) -> list[Item]:
    share = group.size // max(1, group.count)
    return [Item(f"{name}:{row + 1}", name, row, None, share) for row in group.rows]


def _page(item: Item, row: Values | None) -> Page | Drop:
    if row is None:
        return item.drop("too_large", f"{item.size} bytes, at most {MAX_RAW} are taken")
    unreadable = row.get("unreadable") if isinstance(row, dict) else row.detail
    if unreadable is not None:
        return item.drop("unreadable", str(unreadable))
    return page_of_row(item, row, f"{item.path} row {(item.row or 0) + 1}")


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"

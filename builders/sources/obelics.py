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
from nyxqa.builders.sources.base import MAX_RAW, Batch, Item, Page, Say, batched, dropped
from nyxqa.builders.sources.listing import Listed, listed_files
from nyxqa.builders.sources.obelics_row import COLUMNS, page_of_row
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Web

if TYPE_CHECKING:
    from nyxqa.builders.row_files.parquet import Group, ParquetRows, Row

_NEEDED = ("texts", "images")
_SHARD_ROWS = 256
_SHARD_BYTES = 16_000_000
# Workers read row groups up to here; the rows of larger ones are handed to them as they stream past.
_GROUP_ROWS = 4096
_GROUP_BYTES = 64_000_000
# So are the rows of groups of which one in so many is chosen: they are few, and each worker would need the footers.
_SPARSE = 10
_TOO_LONG = b""
Way = Literal["streamed", "here", "workers"]


class ParquetSource:
    """What a folder of OBELICS files and OBELICS on the Hub have in common."""

    kind = "obelics"
    web: Web

    @abstractmethod
    def files(self) -> Sequence[str]:
        """Names of the files in order, relative to the source.

        :raises WorldError: If there are none to be had.
        """

    @abstractmethod
    def rows(self) -> ParquetRows:
        """What reads those files."""

    @abstractmethod
    def path(self, name: str) -> str:
        """Path of a file on its file system."""

    def tasks(self, say: Say) -> Iterator[Batch]:
        """Batches of rows: whole row groups, or the rows themselves where a row group is too large.

        :raises WorldError: If a file is no Parquet file or lacks a column.
        """
        from nyxqa.builders.row_files.parquet import Totals

        names = {self.path(name): name for name in self.files()}
        totals = Totals()
        groups = list(self.rows().plan(list(names), self.web.every, self.web.limit, totals))
        read = sum(group.stored for group in groups)
        say(
            f"source {self.web.source}: {sum(len(group.rows) for group in groups)} rows in {len(groups)} of "
            f"{totals.groups} row groups, {_size(read)} of {_size(totals.stored)} to read, and footers of "
            f"{_size(totals.footers)}"
        )
        for way, some in groupby(groups, _way):
            if way == "workers":
                yield from _whole_groups(_items(group, names[group.file]) for group in some)
            else:
                taken = self._taken(some, way)
                yield from batched(chain.from_iterable(_handed(g, names[g.file], rows) for g, rows in taken))

    def _taken(self, groups: Iterable[Group], way: Way) -> Iterator[tuple[Group, Iterable[Row]]]:
        """Groups with their chosen rows, read by this process."""
        rows = self.rows()
        if way == "here":
            yield from rows.taken(groups)
        else:
            yield from ((group, rows.stream(group)) for group in groups)

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """For each row its page, or why there is none."""
        for (name, with_rows), some in groupby(batch, lambda item: (item.path, item.raw is not None)):
            items = list(some)
            if with_rows:
                rows: Iterator[Row | None] = (json.loads(item.raw) if item.raw else None for item in items)
            else:
                rows = self.rows().read(self.path(name), [item.row or 0 for item in items])
            for item, row in zip(items, rows, strict=True):
                yield _page(item, row)


@dataclass(frozen=True)
class ObelicsFolder(ParquetSource):
    """All ``*.parquet`` below a folder, sorted by relative path; their rows are numbered through.

    :param folder: The folder, which relative image references stay in.
    """

    folder: Path
    web: Web

    @property
    def root(self) -> Path:
        """The folder."""
        return self.folder

    def fingerprint(self) -> object:
        """Path, size and time of every file.

        :raises WorldError: If the folder is missing, unreadable or holds no Parquet file.
        """
        return self._version

    @cached_property
    def _version(self) -> str:
        """Looked at once: a worker is sent it with the source, and a folder may hold millions of images."""
        listed = [[path, state.st_size, state.st_mtime_ns] for path, state in self._listed()]
        if not listed:
            raise WorldError(f"source folder {self.folder} holds no *.parquet file")
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()

    def files(self) -> Sequence[str]:
        """Paths in the folder."""
        return [path for path, _ in self._listed()]

    def path(self, name: str) -> str:
        """Path of a file."""
        return os.fspath(self.folder / name)

    def rows(self) -> ParquetRows:
        """A reader of local files."""
        from fsspec.implementations.local import LocalFileSystem

        from nyxqa.builders.row_files.parquet import ParquetRows

        return ParquetRows(LocalFileSystem(), COLUMNS, _NEEDED, self._version)

    def _listed(self) -> list[Listed]:
        return listed_files(self.folder, ".parquet")


def _way(group: Group) -> Way:
    """Where the rows of a group are read."""
    if group.count > _GROUP_ROWS or group.size > _GROUP_BYTES:
        return "streamed"
    return "here" if len(group.rows) * _SPARSE <= group.count else "workers"


def _handed(group: Group, name: str, rows: Iterable[Row]) -> Iterator[Item]:
    """Items that hold their rows."""
    for number, row in zip(group.rows, rows, strict=True):
        value = row if isinstance(row, dict) else {"unreadable": row.detail}
        raw = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        kept = raw if len(raw) <= MAX_RAW else _TOO_LONG
        yield Item(f"{name}:{number + 1}", name, number, kept, len(raw))


def _items(group: Group, name: str) -> list[Item]:
    share = group.size // max(1, group.count)
    return [Item(f"{name}:{row + 1}", name, row, None, share) for row in group.rows]


def _whole_groups(groups: Iterable[list[Item]]) -> Iterator[Batch]:
    """Batches of whole row groups, closed once they hold 256 rows or 16 MB, so that each group is read once."""
    batch: list[Item] = []
    size = 0
    for group in groups:
        batch += group
        size += sum(item.size for item in group)
        if len(batch) >= _SHARD_ROWS or size >= _SHARD_BYTES:
            yield tuple(batch)
            batch, size = [], 0
    if batch:
        yield tuple(batch)


def _page(item: Item, row: Row | None) -> Page | Drop:
    if row is None:
        return dropped(item, "too_large", f"{item.size} bytes, at most {MAX_RAW} are taken")
    unreadable = row.get("unreadable") if isinstance(row, dict) else row.detail
    if unreadable is not None:
        return dropped(item, "unreadable", str(unreadable))
    return page_of_row(item, row, f"{item.path} row {(item.row or 0) + 1}")


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"

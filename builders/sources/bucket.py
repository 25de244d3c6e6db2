"""Pages from JSONL and Parquet files on S3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from nyxqa.builders.row_files.compression import Openable
from nyxqa.builders.sources.jsonl import JsonlSource, is_jsonl
from nyxqa.builders.sources.obelics import NEEDED, ParquetSource
from nyxqa.builders.sources.obelics_row import COLUMNS
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.recipe import Web
from nyxqa.schemas.web.s3 import Address, S3Folder, S3Object, found, listed

if TYPE_CHECKING:
    from nyxqa.builders.row_files.parquet import ParquetRows

# Objects by their names inside the source, sorted.
Named = tuple[tuple[str, S3Object], ...]


@dataclass(frozen=True)
class JsonlBucket(JsonlSource):
    """Rows of one object, or of all ``*.jsonl`` objects below a prefix, sorted by key.

    :param address: Of the object or the prefix.
    """

    address: Address
    web: Web
    kind: str = "jsonl"

    @property
    def root(self) -> S3Folder:
        """The prefix of the objects, which holds the images."""
        return S3Folder(self._single.address.parent if self._single else self.address)

    @cached_property
    def _single(self) -> S3Object | None:
        return found(self.address)

    @cached_property
    def _objects(self) -> Named:
        """Looked up once, and pickled with the source: workers read what the driver saw."""
        if self._single is not None:
            if self._single.size == 0:
                raise WorldError(f"source file {self.address} is empty")
            return ((self._single.name, self._single),)
        objects = _below(self.address, is_jsonl)
        if not objects:
            raise WorldError(
                f"source {self.address} does not exist, and nothing below it is *.jsonl, *.jsonl.gz or *.jsonl.zst"
            )
        return objects

    def fingerprint(self) -> object:
        """Return name, size and ETag of each object.

        :raises WorldError: If there is none, or S3 refuses or does not answer.
        """
        return _versions(self._objects)

    def files(self) -> Iterable[tuple[str, Openable]]:
        """Yield the objects."""
        return self._objects


@dataclass(frozen=True)
class ObelicsBucket(ParquetSource):
    """All ``*.parquet`` objects below a prefix, sorted by key; rows are counted through all of them.

    :param address: Of the prefix.
    """

    address: Address
    web: Web

    @property
    def root(self) -> S3Folder:
        """The prefix."""
        return S3Folder(self.address)

    @cached_property
    def _objects(self) -> Named:
        """Looked up once, and pickled with the source: workers read what the driver saw."""
        objects = _below(self.address, lambda name: name.lower().endswith(".parquet"))
        if not objects:
            raise WorldError(f"source {self.address} has no object *.parquet below it")
        return objects

    def fingerprint(self) -> object:
        """Return name, size and ETag of each object.

        :raises WorldError: If there is none, or S3 refuses or does not answer.
        """
        return _versions(self._objects)

    def files(self) -> Sequence[str]:
        """Return the names of the objects below the prefix."""
        return [name for name, _ in self._objects]

    def path(self, name: str) -> str:
        """Return the address of an object."""
        return str(self.address.below(name))

    def rows(self) -> ParquetRows:
        """Return a reader of the objects."""
        from nyxqa.builders.row_files.parquet import ParquetRows

        version = _versions(self._objects)
        files = _Objects(version, {str(one.address): one for _, one in self._objects})
        return ParquetRows(files, COLUMNS, NEEDED, version)


@dataclass(frozen=True)
class _Objects:
    """Objects as a file system.

    :param version: Tells them from others.
    """

    version: str
    by_address: dict[str, S3Object] = field(compare=False)

    def open(self, path: str, /, *, cache_type: str) -> Any:
        """Open an object; ``cache_type`` must be ``none``."""
        if cache_type != "none":
            raise ValueError(f"cache_type {cache_type!r}: objects are read without a cache")
        return self.by_address[path].open("rb", 0)


def bucket_source(kind: str, text: str, web: Web) -> JsonlBucket | ObelicsBucket:
    """Return the source of a kind at an address.

    :raises UsageError: If the address is malformed, or sources of this kind are not read from S3.
    """
    address = Address.parse(text)
    if kind == "jsonl":
        return JsonlBucket(address, web)
    if kind == "obelics":
        return ObelicsBucket(address, web)
    raise UsageError(f"source {web.source!r}: only jsonl: and obelics: are read from S3; copy the folder to a disk")


def _below(prefix: Address, wanted: Callable[[str], bool]) -> Named:
    start = len(prefix.key) + 1 if prefix.key else 0
    named = ((one.address.key[start:], one) for one in listed(prefix))
    return tuple(sorted(((name, one) for name, one in named if wanted(name) and not _hidden(name)), key=itemgetter(0)))


def _hidden(name: str) -> bool:
    """Whether an object lies in a hidden folder, which a source on disk leaves out."""
    return any(part.startswith(".") for part in name.split("/")[:-1])


def _versions(objects: Named) -> str:
    """A hash over name, size and ETag of each object."""
    states = [[name, one.size, one.e_tag] for name, one in objects]
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()

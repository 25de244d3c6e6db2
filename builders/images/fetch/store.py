"""Results of fetching by URL: bytes in append-only packs, their offsets and all failures in one SQLite file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from nyxqa.builders.engine.sqlite import erase_deleted, open_store, transact
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.fetch.pack_files import OpenPacks, key_bytes, never_requested, pack_file
from nyxqa.builders.images.fetch.retry import FetchError
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Images

_INDEX = "index.sqlite"
_NEW, _OLD = ".new", ".old"  # endings of folders beside a store that is being replaced
_PACK_BYTES = 1_000_000_000  # after which the next pack is started
_LOCK_SECONDS = 60.0  # to wait for another process that opens or closes the file
_FAILURES_AT_ONCE = 1000
_TABLES = """
CREATE TABLE IF NOT EXISTS bodies (
    key BLOB PRIMARY KEY, pack INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
    crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
    key BLOB PRIMARY KEY, url TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL) WITHOUT ROWID;
"""


def store_name(settings: Images) -> str:
    """Name of the store for the settings that decide what can be fetched."""
    deciding = json.dumps([settings.max_bytes, settings.allow_private, settings.noai])
    return f"fetched/{hashlib.sha256(deciding.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A URL that gave no bytes, with its ledger reason."""

    url: str
    reason: str
    detail: str


class FetchStore:
    """The store in one folder; a result is durable against a kill once the call that stores it returns.

    Bytes are written before their offsets, so that a pack may hold unreferenced bytes, but no offset points to missing
    ones. A power cut may lose the last bytes and leave their offsets; a checksum reveals that on reading.

    :param folder: Where the files are; created if missing.
    :raises WorldError: If it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._db = open_store(folder / _INDEX, _TABLES, _LOCK_SECONDS)
        except (OSError, sqlite3.Error) as error:
            raise WorldError(f"cannot use the fetched images in {folder}: {error}") from error
        self._number = max((int(path.stem.rpartition("-")[2]) for path in folder.glob("pack-*.bin")), default=0)
        self._pack: IO[bytes] | None = None
        self._packs = OpenPacks(folder)

    def __contains__(self, url: str) -> bool:
        key = key_bytes(url)
        query = "SELECT EXISTS (SELECT 1 FROM bodies WHERE key = ?1) OR EXISTS (SELECT 1 FROM failures WHERE key = ?1)"
        return bool(self._db.execute(query, (key,)).fetchone()[0])

    def keep(self, url: str, body: IO[bytes]) -> None:
        """Store the bytes of ``url``, read from ``body`` to its end; they replace a failure."""
        pack = self._writable_pack()
        start = pack.tell()
        shutil.copyfileobj(body, pack)
        pack.flush()
        length = pack.tell() - start
        body.seek(0)
        row = (key_bytes(url), self._number, start, length, _checksum(body))
        transact(
            self._db,
            "a fetched image",
            ("INSERT OR REPLACE INTO bodies VALUES (?, ?, ?, ?, ?)", row),
            ("DELETE FROM failures WHERE key = ?", row[:1]),
        )

    def fail(self, url: str, error: FetchError) -> None:
        """Store why ``url`` gave no bytes."""
        row = (key_bytes(url), url, error.reason, error.detail)
        transact(self._db, "a fetched image", ("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", row))

    def results(self, rows: int) -> Iterator[list[tuple[Any, ...]]]:
        """Key, place of the bytes (pack, start, length, checksum), and reason and detail of a failure, by key.

        :param rows: Of one list.
        """
        query = (
            "SELECT key, pack, start, length, crc, NULL AS reason, NULL AS detail FROM bodies UNION ALL "
            "SELECT key, NULL, NULL, NULL, NULL, reason, detail FROM failures "
            "WHERE key NOT IN (SELECT key FROM bodies) ORDER BY key"
        )
        found = self._db.execute(query)
        while some := found.fetchmany(rows):
            yield some

    def read(self, url: str) -> bytes:
        """The bytes of ``url``, in the process that fetches; workers have ``FetchedReader``.

        :raises DeadImageError: If it gave none.
        :raises WorldError: If it was never requested, or its bytes are damaged.
        """
        key = (key_bytes(url),)
        place = self._db.execute("SELECT pack, start, length, crc FROM bodies WHERE key = ?", key).fetchone()
        if place is not None:
            return self._packs.read(*place)
        failure = self._db.execute("SELECT reason, detail FROM failures WHERE key = ?", key).fetchone()
        if failure is None:
            raise never_requested(self._folder, url)
        raise DeadImageError(failure[0], f"{url}: {failure[1]}")

    def failures(self) -> Iterator[Failure]:
        """Failures that another try may resolve, ordered by key; the store may change during iteration."""
        query = (
            "SELECT key, url, reason, detail FROM failures WHERE key > ? AND reason <> 'bad_reference' "
            "ORDER BY key LIMIT ?"
        )
        last = b""
        while rows := self._db.execute(query, (last, _FAILURES_AT_ONCE)).fetchall():
            for key, url, reason, detail in rows:
                last = key
                yield Failure(url, reason, detail)

    def stored(self) -> Iterator[tuple[bytes, int, int, int, int]]:
        """Key, pack, start, length and checksum of everything fetched, in the order of its place."""
        yield from self._db.execute("SELECT key, pack, start, length, crc FROM bodies ORDER BY pack, start")

    def copy_from(self, other: FetchStore, key: bytes, place: tuple[int, int, int, int]) -> None:
        """Store what another store has at ``place``: pack, start, length, checksum."""
        number, start, length, crc = place
        pack = self._writable_pack()
        at, left = pack.tell(), length
        with other._file(number).open("rb") as source:
            source.seek(start)
            while left and (piece := source.read(min(left, 1 << 20))):
                pack.write(piece)
                left -= len(piece)
        pack.flush()
        row = (key, self._number, at, length, crc)
        transact(self._db, "a fetched image", ("INSERT OR REPLACE INTO bodies VALUES (?, ?, ?, ?, ?)", row))

    def copy_failures(self, other: FetchStore, left_out: Collection[bytes]) -> int:
        """Store the failures of another store but those of ``left_out``; returns how many were left out."""
        count = 0
        for row in other._db.execute("SELECT key, url, reason, detail FROM failures"):
            if row[0] in left_out:
                count += 1
            else:
                transact(self._db, "a failure", ("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", row))
        return count

    def compact(self) -> None:
        """Write everything to the file of the index, and nothing beside it."""
        erase_deleted(self._db)

    def close(self) -> None:
        """Close the files."""
        if self._pack is not None:
            self._pack.close()
        self._pack = None
        self._packs.close()
        self._db.close()

    def __enter__(self) -> FetchStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _file(self, number: int) -> Path:
        return pack_file(self._folder, number)

    def _writable_pack(self) -> IO[bytes]:
        """The pack to append to, positioned at its end."""
        if self._pack is None:
            self._pack = self._file(self._number).open("ab")
        if self._pack.tell() >= _PACK_BYTES:
            os.fsync(self._pack.fileno())
            self._pack.close()
            self._number += 1
            self._pack = self._file(self._number).open("ab")
        return self._pack


def has_store(folder: Path) -> bool:
    """Whether something was stored in ``folder``."""
    return (folder / _INDEX).exists()


def has_failures(folder: Path) -> bool:
    """Whether a store exists and holds a failure that another try may resolve."""
    if not has_store(folder):
        return False
    with FetchStore(folder) as store:
        return next(store.failures(), None) is not None


def forget(folder: Path, keys: Collection[str]) -> int:
    """Remove the results of some URLs from the store in ``folder``, with all their bytes; returns how many there were.

    The store is written again beside the old one, which it then replaces; unreferenced bytes of packs go as well. What
    a stop leaves beside it is for ``settle``.

    :param keys: Of ``key_of``.
    :raises WorldError: If the store cannot be read or written.
    """
    if not has_store(folder):
        return 0
    fresh, earlier = folder.with_name(f"{folder.name}{_NEW}"), folder.with_name(f"{folder.name}{_OLD}")
    wanted, removed = {bytes.fromhex(key) for key in keys}, 0
    with FetchStore(folder) as old, FetchStore(fresh) as new:
        for key, pack, start, length, crc in old.stored():
            if key in wanted:
                removed += 1
            else:
                new.copy_from(old, key, (pack, start, length, crc))
        removed += new.copy_failures(old, wanted)
        new.compact()
    folder.rename(earlier)
    fresh.rename(folder)
    shutil.rmtree(earlier)
    return removed


def settle(stores: Path) -> None:
    """Bring the stores below ``stores`` to the state before or behind a ``forget`` that was stopped."""
    for earlier in sorted(stores.glob(f"*{_OLD}")):
        folder = earlier.with_suffix("")
        if not folder.exists():  # stopped between the two renames: the new one is complete
            folder.with_name(f"{folder.name}{_NEW}").rename(folder)
        shutil.rmtree(earlier)
    for fresh in sorted(stores.glob(f"*{_NEW}")):
        shutil.rmtree(fresh)


def _checksum(file: IO[bytes]) -> int:
    crc = 0
    while piece := file.read(1 << 20):
        crc = zlib.crc32(piece, crc)
    return crc

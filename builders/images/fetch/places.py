"""Where fetched images lie: an index that the driver writes for workers, which open no SQLite file.

SQLite locks files in a way that network file systems do not have, and workers may be on other machines.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import pyarrow as pa

from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.fetch.pack_files import KEY_BYTES, OpenPacks, key_bytes, never_requested
from nyxqa.builders.images.fetch.store import FetchStore, has_store
from nyxqa.schemas.files import replacing

_PLACES = "places.arrow"
_BATCH = 1 << 16  # rows of a batch; one is found by its first key, which is in memory
# One row for each URL that was requested, ordered by key: the place of its bytes, or why it gave none.
_SCHEMA = pa.schema(
    [
        ("key", pa.binary(KEY_BYTES)),
        *((name, pa.int64()) for name in ("pack", "start", "length", "crc")),
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)

T = TypeVar("T")


def placed(folder: Path | None, tasks: Callable[[], Iterable[T]]) -> Callable[[], Iterable[T]]:
    """``tasks`` of a step whose workers read fetched images, which first write the index for them.

    :param folder: Of the store, which need not exist; None if nothing was fetched.
    """

    def listed() -> Iterable[T]:
        if folder is not None:
            write_places(folder)
        return tasks()

    return listed


def write_places(folder: Path) -> None:
    """Write the index of what the store in ``folder`` holds now; nothing if there is no store."""
    if not has_store(folder):
        return
    with (
        FetchStore(folder) as store,
        replacing(folder / _PLACES) as temporary,
        pa.OSFile(str(temporary), "wb") as stream,
        pa.ipc.new_file(stream, _SCHEMA) as writer,
    ):
        for rows in store.results(_BATCH):
            columns = [
                pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), _SCHEMA, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))


class FetchedReader:
    """Reads fetched images through the index, opened on first use: most shards of a local source need none.

    :param folder: Of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packs = OpenPacks(folder)
        self._batches: list[pa.RecordBatch] | None = None
        self._firsts: list[bytes] = []

    def read(self, url: str) -> bytes:
        """The bytes of ``url``.

        :raises DeadImageError: If it gave none.
        :raises WorldError: If it was never requested, or its bytes are damaged.
        """
        row = self._find(key_bytes(url))
        if row is None:
            raise never_requested(self._folder, url)
        if row["reason"] is not None:
            raise DeadImageError(row["reason"], f"{url}: {row['detail']}")
        return self._packs.read(row["pack"], row["start"], row["length"], row["crc"])

    def close(self) -> None:
        """Close the files."""
        self._packs.close()
        self._batches = None

    def __enter__(self) -> FetchedReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _find(self, key: bytes) -> dict[str, Any] | None:
        if self._batches is None:
            self._open()
        number = bisect_right(self._firsts, key) - 1
        if number < 0 or not self._batches:
            return None
        batch = self._batches[number]
        keys = batch.column("key")
        row = bisect_left(range(len(keys)), key, key=lambda one: keys[one].as_py())
        if row == len(keys) or keys[row].as_py() != key:
            return None
        found: dict[str, Any] = batch.slice(row, 1).to_pylist()[0]
        return found

    def _open(self) -> None:
        file = self._folder / _PLACES
        self._batches = []
        if file.exists():
            reader = pa.ipc.open_file(pa.memory_map(str(file)))
            self._batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        self._firsts = [batch.column("key")[0].as_py() for batch in self._batches]

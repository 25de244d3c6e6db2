"""Vectors on disk: one memory-mapped file, encoded shard by shard; a hash ties each shard to its texts and model."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.index.stored_strings import write_ids
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.files import read_json, write_json

# Rows encoded together: the most a kill loses on each device, about a minute of one CPU core.
SHARD_ROWS = 2_048
# Rows searched together: with fewer, FAISS starts cold more often (10 % at 16,384 rows of 128, 2 % at this number).
SEARCH_ROWS = 65_536
# Type of the stored numbers; float16 halves the room, and search computes in float32 all the same.
StoreType = Literal["float32", "float16"]
_VECTORS: dict[StoreType, str] = {"float32": "vectors.f32", "float16": "vectors.f16"}
_DTYPES: dict[StoreType, str] = {"float32": "<f4", "float16": "<f2"}
_INDEX = "index.json"
_JOURNAL = "journal.jsonl"
Item = TypeVar("Item")
ItemContra = TypeVar("ItemContra", contravariant=True)


class ItemEncoder(Protocol[ItemContra]):
    """A model on one device."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, items: Sequence[ItemContra], /) -> npt.NDArray[np.float32]:
        """Vectors of ``items``, float32 [items, dimensions]."""
        ...


@dataclass(frozen=True)
class _Shard(Generic[Item]):
    """Items that are encoded together, and the hash of the items and the model."""

    index: int
    ids: list[str]
    items: list[Item]
    digest: str


class _Store:
    """The file of vectors while it is written, and the journal of its complete shards."""

    def __init__(self, folder: Path, shard_rows: int, kind: StoreType = "float32") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._dtype = np.dtype(_DTYPES[kind])
        self._shard_rows = shard_rows
        self._lock = Lock()
        self._digests: dict[int, str] = {}
        self.dimensions = 0
        if (folder / _INDEX).exists():
            self._reopen()
        elif (folder / _JOURNAL).exists():
            self._read_journal()
        self._vectors = os.open(folder / _VECTORS[kind], os.O_RDWR | os.O_CREAT, 0o644)
        self._journal = (folder / _JOURNAL).open("ab")

    def whole(self, shard: _Shard[Item]) -> bool:
        """Whether the vectors of exactly these items and this model are stored."""
        return self._digests.get(shard.index) == shard.digest

    def write(self, shard: _Shard[Item], model: ItemEncoder[Item]) -> None:
        """Encode and store a shard; its line in the journal comes last."""
        data = np.ascontiguousarray(model.encode(shard.items), dtype=self._dtype).tobytes()
        offset = shard.index * self._shard_rows * model.dimensions * self._dtype.itemsize
        while data:
            done = os.pwrite(self._vectors, data, offset)
            data, offset = data[done:], offset + done
        os.fsync(self._vectors)
        with self._lock:
            self.dimensions = model.dimensions
            self._digests[shard.index] = shard.digest
            self._note(shard.index)

    def finish(self, rows: int, fingerprint: str) -> None:
        """Truncate what an earlier, longer list left, and mark the index as complete."""
        os.truncate(self._vectors, rows * self.dimensions * self._dtype.itemsize)
        digests = [self._digests[index] for index in range(-(-rows // self._shard_rows))]
        index = {"fingerprint": fingerprint, "rows": rows, "dimensions": self.dimensions, "shards": digests}
        write_json(self._folder / _INDEX, index)
        (self._folder / _JOURNAL).unlink()

    def close(self) -> None:
        """Close the files."""
        os.close(self._vectors)
        self._journal.close()

    def _note(self, index: int) -> None:
        line = json.dumps({"shard": index, "digest": self._digests[index], "dimensions": self.dimensions})
        self._journal.write(line.encode() + b"\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())

    def _reopen(self) -> None:
        """Turn a complete index back into a journal, so that unchanged shards are reused."""
        index = read_json(self._folder / _INDEX)
        lines = [
            json.dumps({"shard": number, "digest": digest, "dimensions": index["dimensions"]})
            for number, digest in enumerate(index["shards"])
        ]
        (self._folder / _JOURNAL).write_text("".join(f"{line}\n" for line in lines))
        (self._folder / _INDEX).unlink()
        self._read_journal()

    def _read_journal(self) -> None:
        """Read the complete shards; a last line without a newline was cut off by a kill."""
        data = (self._folder / _JOURNAL).read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.truncate(self._folder / _JOURNAL, len(whole))
        for line in whole.splitlines():
            entry = json.loads(line)
            self._digests[entry["shard"]] = entry["digest"]
            self.dimensions = entry["dimensions"]


def text_parts(text: str) -> Iterable[bytes]:
    """The bytes that the vector of a text depends on."""
    return (text.encode(),)


def write_embeddings(
    items: Iterable[tuple[str, Item]],
    folder: Path,
    fingerprint: str,
    models: Callable[[], Sequence[ItemEncoder[Item]]],
    parts: Callable[[Any], Iterable[bytes]] = text_parts,
    shard_rows: int | None = None,
    kind: StoreType = "float32",
) -> None:
    """Write vectors of (id, item) pairs into ``folder``; complete shards there are reused.

    :param fingerprint: Fingerprint of the encoder; a shard of another encoder is encoded again.
    :param models: Returns the model once per device; called only if there is something to encode.
    :param parts: Everything of an item that its vector depends on, such that concatenations of items are unambiguous.
    :param shard_rows: Items encoded together; ``SHARD_ROWS`` if not given.
    :param kind: Type of the stored numbers.
    """
    shard_rows = shard_rows or SHARD_ROWS
    store = _Store(folder, shard_rows, kind)
    rows = 0

    def encoded_ids() -> Iterator[str]:
        nonlocal rows
        for shard in _encoded(_shards(items, fingerprint, parts, shard_rows), store, models):
            rows += len(shard.ids)
            yield from shard.ids

    try:
        write_ids(encoded_ids(), folder)
        store.finish(rows, fingerprint)
    finally:
        store.close()


def _shards(
    items: Iterable[tuple[str, Item]], fingerprint: str, parts: Callable[[Item], Iterable[bytes]], size: int
) -> Iterator[_Shard[Item]]:
    iterator = iter(items)
    index = 0
    while rows := list(islice(iterator, size)):
        digest = hashlib.sha256(fingerprint.encode())
        for key, item in rows:
            for data in (key.encode(), *parts(item)):
                digest.update(len(data).to_bytes(8, "big") + data)
        yield _Shard(index, [row[0] for row in rows], [row[1] for row in rows], digest.hexdigest())
        index += 1


def _encoded(
    shards: Iterable[_Shard[Item]], store: _Store, models: Callable[[], Sequence[ItemEncoder[Item]]]
) -> Iterator[_Shard[Item]]:
    """The shards in their order; all are stored when the iterator ends."""
    free: SimpleQueue[ItemEncoder[Item]] = SimpleQueue()
    pool: ThreadPoolExecutor | None = None
    running: set[Future[None]] = set()
    devices = 0

    def work(shard: _Shard[Item]) -> None:
        model = free.get()
        try:
            store.write(shard, model)
        finally:
            free.put(model)

    try:
        for shard in shards:
            if not store.whole(shard):
                if pool is None:
                    replicas = models()
                    devices = len(replicas)
                    for model in replicas:
                        free.put(model)
                    pool = ThreadPoolExecutor(devices)
                running.add(pool.submit(work, shard))
                running = _settle(running, devices)
            yield shard
        _settle(running, 0)
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _settle(running: set[Future[None]], most: int) -> set[Future[None]]:
    """Wait until at most ``most`` are running; errors of finished ones are raised."""
    while len(running) > most:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
    return running


class Embeddings:
    """Complete vectors in a folder.

    :param folder: Where ``write_embeddings`` put them.
    :param fingerprint: Fingerprint that the encoder must have.
    :param kind: Type of the stored numbers.
    :raises FormatError: If they are incomplete or of another encoder.
    """

    def __init__(self, folder: Path, fingerprint: str, kind: StoreType = "float32") -> None:
        index = folder / _INDEX
        if not index.exists():
            raise FormatError(f"{folder} holds no complete vectors ({_INDEX} is missing); build them again")
        found = read_json(index)
        if found["fingerprint"] != fingerprint:
            raise FormatError(
                f"{folder} holds vectors of another encoder ({found['fingerprint'][:80]}, not {fingerprint[:80]}); "
                "build them again"
            )
        self._file = folder / _VECTORS[kind]
        self._dtype = np.dtype(_DTYPES[kind])
        self._shape = (int(found["rows"]), int(found["dimensions"]))
        # Changes whenever a vector does.
        self.digest = hashlib.sha256("".join(found["shards"]).encode()).hexdigest()

    @property
    def dimensions(self) -> int:
        """Length of a vector; 0 if there is none."""
        return self._shape[1]

    @property
    def rows(self) -> int:
        """Number of vectors."""
        return self._shape[0]

    def shards(self) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """First row and vectors, float32 [rows, dimensions], of pieces mapped one at a time."""
        rows, dimensions = self._shape
        for start in range(0, rows, SEARCH_ROWS):
            shape = (min(SEARCH_ROWS, rows - start), dimensions)
            offset = start * dimensions * self._dtype.itemsize
            mapped = np.memmap(self._file, self._dtype, "r", offset=offset, shape=shape)
            yield start, mapped if self._dtype == np.float32 else mapped.astype(np.float32)

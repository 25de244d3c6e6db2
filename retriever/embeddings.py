"""Vectors on disk: memory-mapped shards, each tied to its texts and its model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.stored_ids import write_ids
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.files import read_json, replacing, write_json

# Rows of a shard: what is lost when an encoding is killed, and what search holds at a time (50 MB at 768 dimensions).
SHARD_ROWS = 16_384
_INDEX = "index.json"


class TextEncoder(Protocol):
    """A model on one device."""

    dimensions: int

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors of ``texts``, float32 [texts, dimensions]."""
        ...


@dataclass(frozen=True)
class _Shard:
    """Texts of one shard and where their vectors go."""

    index: int
    ids: list[str]
    texts: list[str]
    fingerprint: str
    folder: Path

    @property
    def file(self) -> Path:
        return vectors_file(self.folder, self.index)

    @property
    def marker(self) -> Path:
        return self.folder / f"vectors-{self.index:06d}.json"

    def whole(self) -> bool:
        """Whether the vectors of these very texts by this very model are there."""
        return self.marker.exists() and read_json(self.marker) == self._mark()

    def write(self, model: TextEncoder) -> None:
        """Encode and store; the marker comes last."""
        with replacing(self.file) as temporary, temporary.open("wb") as stream:
            np.save(stream, model.encode(self.texts))
        write_json(self.marker, self._mark())

    def _mark(self) -> dict[str, object]:
        return {"fingerprint": self.fingerprint, "rows": len(self.ids)}


def vectors_file(folder: Path, index: int) -> Path:
    """NumPy file of shard ``index``."""
    return folder / f"vectors-{index:06d}.npy"


def write_embeddings(
    texts: Iterable[tuple[str, str]],
    folder: Path,
    fingerprint: str,
    models: Callable[[], Sequence[TextEncoder]],
) -> None:
    """Write vectors of (id, text) pairs into ``folder``; shards found whole there are kept.

    :param fingerprint: Of the encoder; a shard made by another is made again.
    :param models: Gives the model once per device; called only if there is something to encode.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _INDEX).unlink(missing_ok=True)
    count = 0

    def numbered() -> Iterator[str]:
        nonlocal count
        for shard in _encoded(_shards(texts, folder, fingerprint), models):
            count = shard.index + 1
            yield from shard.ids

    write_ids(numbered(), folder)
    _remove_surplus(folder, count)
    write_json(folder / _INDEX, {"fingerprint": fingerprint, "shards": count})


def _shards(texts: Iterable[tuple[str, str]], folder: Path, fingerprint: str) -> Iterator[_Shard]:
    iterator = iter(texts)
    index = 0
    while rows := list(islice(iterator, SHARD_ROWS)):
        digest = hashlib.sha256(fingerprint.encode())
        for pair in rows:
            for part in pair:
                data = part.encode("utf-8", "surrogatepass")
                digest.update(len(data).to_bytes(8, "big") + data)
        yield _Shard(index, [row[0] for row in rows], [row[1] for row in rows], digest.hexdigest(), folder)
        index += 1


def _encoded(shards: Iterable[_Shard], models: Callable[[], Sequence[TextEncoder]]) -> Iterator[_Shard]:
    """The shards in their order, each written, or being written by the time the iterator ends."""
    free: SimpleQueue[TextEncoder] = SimpleQueue()
    pool: ThreadPoolExecutor | None = None
    running: set[Future[None]] = set()
    devices = 0

    def work(shard: _Shard) -> None:
        model = free.get()
        try:
            shard.write(model)
        finally:
            free.put(model)

    try:
        for shard in shards:
            if not shard.whole():
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
    """Wait until at most ``most`` are running, raising what went wrong in those that ended."""
    while len(running) > most:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
    return running


def _remove_surplus(folder: Path, count: int) -> None:
    """Shards of an earlier, longer list of texts."""
    index = count
    while (file := vectors_file(folder, index)).exists():
        file.unlink()
        index += 1


class Embeddings:
    """Finished vectors in a folder.

    :param folder: Where ``write_embeddings`` put them.
    :param fingerprint: Of the encoder that must have made them.
    :raises FormatError: If they are unfinished or made by another encoder.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        index = folder / _INDEX
        if not index.exists():
            raise FormatError(f"{folder} holds no finished vectors ({_INDEX} is missing); build them again")
        found = read_json(index)
        if found["fingerprint"] != fingerprint:
            raise FormatError(
                f"{folder} holds vectors of another encoder ({found['fingerprint'][:80]}, not {fingerprint[:80]}); "
                "build them again"
            )
        self._folder = folder
        self._count = int(found["shards"])

    def shards(self) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """First row and memory-mapped vectors, float32 [rows, dimensions], of each shard in order."""
        start = 0
        for index in range(self._count):
            vectors = np.load(vectors_file(self._folder, index), mmap_mode="r")
            yield start, vectors
            start += len(vectors)

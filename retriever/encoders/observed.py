"""Vectors that a server gave, stored: asked again it might round otherwise, and a run must repeat to the byte."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Item = TypeVar("Item")
_FILE = "observed.sqlite"
# Seconds that a process waits while another writes.
_WAIT = 120


class ObservedVectors:
    """Vectors by the hash of what they are of, in one file that several processes share.

    :param folder: Where the file lies.
    :param fingerprint: Fingerprint of the encoder; vectors of another one are not found.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._file = folder / _FILE
        self._fingerprint = fingerprint

    def get_or_encode(
        self,
        items: Sequence[Item],
        parts: Callable[[Item], Iterable[bytes]],
        encode: Callable[[Sequence[Item]], Vectors],
        dimensions: int,
    ) -> Vectors:
        """Vectors of ``items``, float32 [items, dimensions]; those that are not stored are encoded and stored."""
        keys = [self._key(parts(item)) for item in items]
        with closing(sqlite3.connect(self._file, timeout=_WAIT)) as database:
            database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
            found = {}
            for key in set(keys):
                row = database.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = row[0]
            lacking = {key: item for key, item in zip(keys, items, strict=True) if key not in found}
            if lacking:
                encoded = encode(list(lacking.values()))
                new = {key: vector.astype("<f4").tobytes() for key, vector in zip(lacking, encoded, strict=True)}
                with database:  # what another process stored meanwhile stays
                    database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", new.items())
                for key in new:
                    (found[key],) = database.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        vectors = np.empty((len(items), dimensions), dtype=np.float32)
        for number, key in enumerate(keys):
            vectors[number] = np.frombuffer(found[key], dtype="<f4")
        return vectors

    def _key(self, parts: Iterable[bytes]) -> bytes:
        digest = hashlib.sha256(self._fingerprint.encode())
        for data in parts:
            digest.update(len(data).to_bytes(8, "big") + data)
        return digest.digest()

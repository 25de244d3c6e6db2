"""The packs of a store of fetched images: the keys of URLs, the files, and reading the bytes at a place."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import IO

from nyxqa.schemas.errors import WorldError

KEY_BYTES = 16


class OpenPacks:
    """The packs of a store, opened as they are read.

    :param folder: Of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[int, IO[bytes]] = {}

    def read(self, pack: int, start: int, length: int, crc: int) -> bytes:
        """The bytes at a place.

        :raises WorldError: If they are damaged.
        """
        if pack not in self._open:
            self._open[pack] = pack_file(self._folder, pack).open("rb")
        self._open[pack].seek(start)
        data = self._open[pack].read(length)
        if len(data) != length or zlib.crc32(data) != crc:
            raise WorldError(
                f"{pack_file(self._folder, pack)} is damaged at byte {start}; remove {self._folder} and build again"
            )
        return data

    def close(self) -> None:
        """Close the files."""
        while self._open:
            self._open.popitem()[1].close()


def never_requested(folder: Path, url: str) -> WorldError:
    """The error for a URL of which a store knows nothing."""
    return WorldError(f"the fetched images in {folder} lack {url}; remove that folder and build again")


def key_of(url: str) -> str:
    """The key under which the result of a URL is stored, as hexadecimal digits."""
    return key_bytes(url).hex()


def key_bytes(url: str) -> bytes:
    """The key under which the result of a URL is stored."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()[:KEY_BYTES]


def pack_file(folder: Path, number: int) -> Path:
    """File of a pack of the store in ``folder``."""
    return folder / f"pack-{number:06d}.bin"

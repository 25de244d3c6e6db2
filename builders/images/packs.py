"""Packs: the images of a shard, concatenated in one file."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from nyxqa.builders.images.decode import StoredImage
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.files import replacing

_OPEN_PACKS = 32  # most file handles of a reader


def pack_file(folder: Path, shard: int) -> Path:
    """The pack of shard ``shard``."""
    return folder / f"pack-{shard:06d}.bin"


class PackWriter:
    """Appends images to a pack, each distinct image once."""

    def __init__(self, file: IO[bytes], shard: int) -> None:
        self._file = file
        self._shard = shard
        self._locations: dict[str, tuple[int, int]] = {}
        self._end = 0

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._locations

    def add(self, image: StoredImage) -> dict[str, Any]:
        """Store ``image`` unless it is in the pack; returns its locator: id, perceptual hash, shard, offset, length."""
        if image.image_id not in self._locations:
            self._file.write(image.data)
            self._locations[image.image_id] = (self._end, len(image.data))
            self._end += len(image.data)
        offset, length = self._locations[image.image_id]
        return {
            "image_id": image.image_id,
            "phash": image.phash,
            "shard": self._shard,
            "offset": offset,
            "length": length,
        }


@contextmanager
def writing_pack(folder: Path, shard: int) -> Iterator[PackWriter]:
    """A writer of the pack of one shard, which is complete or absent afterwards."""
    with replacing(pack_file(folder, shard)) as temporary, temporary.open("wb") as file:
        yield PackWriter(file, shard)
        file.flush()


class PackReader:
    """Reads images by their locators, with a bounded number of packs open.

    :param folder: Folder of step ``images/store``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[int, IO[bytes]] = OrderedDict()

    def read(self, locator: Mapping[str, Any]) -> bytes:
        """The bytes of one image.

        :raises WorldError: If the pack is missing or too short.
        """
        file = self._pack(int(locator["shard"]))
        file.seek(locator["offset"])
        data = file.read(locator["length"])
        if len(data) != locator["length"]:
            raise WorldError(f"image pack {file.name} ends early; remove the .work folder and build again")
        return data

    def close(self) -> None:
        """Close all open packs."""
        while self._open:
            self._open.popitem()[1].close()

    def __enter__(self) -> PackReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _pack(self, shard: int) -> IO[bytes]:
        if shard in self._open:
            self._open.move_to_end(shard)
            return self._open[shard]
        if len(self._open) >= _OPEN_PACKS:
            self._open.popitem(last=False)[1].close()
        path = pack_file(self._folder, shard)
        try:
            self._open[shard] = path.open("rb")
        except OSError as error:
            raise WorldError(f"image pack {path} cannot be read: {error.strerror}; build again") from error
        return self._open[shard]

"""Images of a published training set: loose files or zip archives below one folder."""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from nyxqa.builders.images.errors import DeadImageError
from nyxqa.schemas.errors import WorldError

# First folders that published paths may include or leave out.
_PREFIXES = ("images", "images_zip", "supplement_images_zip")
_FOLDER = re.compile(r"[\w.-]{1,100}\Z")
# What may be wrong with the archive that should hold an image.
BROKEN, MISSING, UNREAD = "is broken", "is missing", "is a tar archive, of which no image is read, unpack it"
_TAR = re.compile(r"(.+)\.(?:tar|tgz|tar\.\w{1,4})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image of a published set.

    :param path: The path in the set's row.
    :param file: The image file, or the archive that contains it; None if the row holds the bytes.
    :param member: Name inside the archive; the empty string for an image file.
    :param data: The bytes if the row holds them.
    """

    path: str
    file: Path | None = None
    member: str = ""
    data: bytes = b""

    def read(self, most: int) -> bytes:
        """Return the encoded bytes of the image, or its first ``most`` + 1 bytes if it has more than ``most``.

        :raises WorldError: If they cannot be read.
        """
        if self.file is None:
            return self.data
        try:
            with self.file.open("rb") if not self.member else _opened(self.file).open(self.member) as stream:
                return stream.read(most + 1)
        except (OSError, zipfile.BadZipFile, RuntimeError, EOFError, zlib.error) as error:
            raise WorldError(f"image {self.path} cannot be read from {self.file.name}: {error}") from error


def image_bytes(image: ImageRef, most: int) -> bytes:
    """The bytes of an image of a set's own files.

    :raises DeadImageError: If they cannot be read, or are more than ``most``.
    """
    try:
        data = image.read(most)
    except WorldError as error:
        raise DeadImageError("unreadable", image.path) from error
    if len(data) > most:
        raise DeadImageError("too_many_bytes", f"more than {most} bytes")
    return data


# Reading the table of contents of an archive again for each image would take longer than reading the images.
@lru_cache(maxsize=8)
def _opened(file: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(file)


def _is_readable(file: Path) -> bool:
    """Whether ``file`` is a zip archive whose table of contents can be read."""
    try:
        return zipfile.is_zipfile(file) and bool(_opened(file))
    except (OSError, zipfile.BadZipFile, RuntimeError, ValueError, struct.error):
        return False


class ImageFolder:
    """Finds images below ``root``: a folder, or one zip archive.

    :raises WorldError: If ``root`` is missing, or a file other than a zip archive.
    """

    def __init__(self, root: Path) -> None:
        if not root.exists():
            raise WorldError(f"folder or archive of images {root} does not exist")
        if root.is_file() and not _is_readable(root):
            raise WorldError(f"{root} is neither a folder nor a zip archive; unpack it and name the folder")
        self._root = root
        self._known: dict[str, bool] = {}

    def find(self, value: Any) -> ImageRef | None:
        """Return the image of a cell, which is a path or bytes as ``datasets`` stores them; None if it is missing."""
        if isinstance(value, dict):
            data, path = value.get("bytes"), str(value.get("path") or "")
            return ImageRef(path, data=data) if data else self.find(path)
        if isinstance(value, bytes):
            return ImageRef("", data=value) if value else None
        return self._by_path(str(value))

    def archive_problem(self, value: Any) -> str:
        """Why ``find`` does not find an image, if its archive is broken or missing; else "".

        :param value: The cell that names the image.
        """
        folder = _folder(str(value.get("path") or "") if isinstance(value, dict) else str(value))
        for name in self._broken:
            if _may_hold(name.removesuffix(".zip"), folder):
                return f"{name} {BROKEN}"
        for stem, name in self._tars:
            if _may_hold(stem, folder):
                return f"{name} {UNREAD}"
        return f"{folder}.zip {MISSING}" if self._root.is_dir() and folder and not self._has(folder) else ""

    def _has(self, folder: str) -> bool:
        """Whether there is a folder or archive of that name."""
        if folder not in self._known:
            self._known[folder] = any(
                (one / folder).is_dir() or (one / f"{folder}.zip").is_file() for one in self._places()
            )
        return self._known[folder]

    @cached_property
    def _broken(self) -> list[str]:
        """Names of the archives that cannot be opened."""
        return [file.name for file in self._zip_files() if not _is_readable(file)]

    @cached_property
    def _tars(self) -> list[tuple[str, str]]:
        """Stem and name of each tar archive."""
        names = sorted(file.name for folder in self._places() if folder.is_dir() for file in folder.iterdir())
        return [(match[1], name) for name in names if (match := _TAR.fullmatch(name))]

    def _places(self) -> Iterator[Path]:
        yield self._root
        yield from (self._root / name for name in _PREFIXES)

    def _by_path(self, path: str) -> ImageRef | None:
        for name in _spellings(path):
            file = self._root / name
            # A published path must not lead out of the folder, whether by ``..`` or by a link.
            if self._root.is_dir() and os.path.isfile(file) and file.resolve().is_relative_to(self._root.resolve()):  # noqa: PTH113 - takes any name
                return ImageRef(path, file)
            member = self._members.get(name)
            if member is not None:
                return ImageRef(path, *member)
        return None

    @cached_property
    def _members(self) -> dict[str, tuple[Path, str]]:
        """Archive and member of every spelling of every archived image; read only if a loose file is missing."""
        members: dict[str, tuple[Path, str]] = {}
        for file in self._archives():
            for member in _opened(file).namelist():
                for name in (*_spellings(member), *_spellings(f"{file.stem}/{member}")):
                    members.setdefault(name, (file, member))
        return members

    def _archives(self) -> Iterator[Path]:
        if self._root.is_file():
            yield self._root
        yield from (file for file in self._zip_files() if _is_readable(file))

    def _zip_files(self) -> Iterator[Path]:
        for folder in self._places():
            yield from sorted(folder.glob("*.zip"))


def _folder(path: str) -> str:
    """The first folder of ``path`` that is not one of the usual ones, after which archives are named."""
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts[:-1] if part not in ("/", ".", *_PREFIXES)]
    return parts[0] if parts and _FOLDER.match(parts[0]) else ""


def _may_hold(stem: str, folder: str) -> bool:
    """Whether the images of ``folder`` may be in the archive ``stem``, which has that name or says images of all."""
    return stem == folder or folder == "" or "image" in stem.lower()


def _spellings(path: str) -> list[str]:
    """Return relative forms of ``path``: unchanged, and with and without the usual first folder."""
    pure = PurePosixPath(path.replace("\\", "/"))
    parts = [part for part in pure.parts if part not in ("/", ".")]
    if not parts or ".." in parts:
        return []
    spellings = ["/".join(parts), "/".join(["images", *parts])]
    if parts[0] in _PREFIXES and len(parts) > 1:
        spellings.append("/".join(parts[1:]))
    return spellings

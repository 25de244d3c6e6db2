"""Where the images of a published set lie: loose files or zip archives below one folder."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from nyxqa.schemas.errors import WorldError

# Folders that published paths name, or leave out, at their beginning.
_PREFIXES = ("images", "images_zip", "supplement_images_zip")


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image that was found.

    :param path: As the set names it.
    :param file: The file, or the archive that holds it; none where the set brings the bytes.
    :param member: Name inside the archive; "" for a file of its own.
    """

    path: str
    file: Path | None = None
    member: str = ""
    data: bytes = b""

    def read(self) -> bytes:
        """The image's bytes.

        :raises WorldError: If they cannot be read.
        """
        if self.file is None:
            return self.data
        try:
            if not self.member:
                return self.file.read_bytes()
            return _opened(self.file).read(self.member)
        except (OSError, zipfile.BadZipFile, RuntimeError) as error:
            raise WorldError(f"image {self.path} cannot be read from {self.file.name}: {error}") from error


# Reading the table of contents of an archive anew for each image would take longer than the images.
@lru_cache(maxsize=8)
def _opened(file: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(file)


class ImageFolder:
    """Finds images below ``root``: a folder, or one zip archive.

    :raises WorldError: If it is missing, or an archive that cannot be read at random.
    """

    def __init__(self, root: Path) -> None:
        if not root.exists():
            raise WorldError(f"no folder or archive of images {root}")
        if root.is_file() and not zipfile.is_zipfile(root):
            raise WorldError(f"{root} is neither a folder nor a zip archive; unpack it and name the folder")
        self._root = root

    def find(self, value: Any) -> ImageRef | None:
        """The image of a cell: a path, or bytes as ``datasets`` stores them; nothing if it is not there."""
        if isinstance(value, dict):
            data, path = value.get("bytes"), str(value.get("path") or "")
            return ImageRef(path, data=data) if data else self.find(path)
        if isinstance(value, bytes):
            return ImageRef("", data=value) if value else None
        return self._by_path(str(value))

    def _by_path(self, path: str) -> ImageRef | None:
        for name in _spellings(path):
            file = self._root / name
            # A published path must not lead out of the folder, by dots or by a link.
            if self._root.is_dir() and file.is_file() and file.resolve().is_relative_to(self._root.resolve()):
                return ImageRef(path, file)
            member = self._members.get(name)
            if member is not None:
                return ImageRef(path, *member)
        return None

    @cached_property
    def _members(self) -> dict[str, tuple[Path, str]]:
        """Every spelling of every image in archives; read only if a loose file is missing."""
        found: dict[str, tuple[Path, str]] = {}
        for file in self._archives():
            for member in _opened(file).namelist():
                for name in (*_spellings(member), *_spellings(f"{file.stem}/{member}")):
                    found.setdefault(name, (file, member))
        return found

    def _archives(self) -> Iterator[Path]:
        if self._root.is_file():
            yield self._root
            return
        for folder in (self._root, *(self._root / name for name in _PREFIXES)):
            yield from (file for file in sorted(folder.glob("*.zip")) if zipfile.is_zipfile(file))


def _spellings(path: str) -> list[str]:
    """Relative forms of ``path``: as it is, and with and without the usual first folder."""
    pure = PurePosixPath(path.replace("\\", "/"))
    parts = [part for part in pure.parts if part not in ("/", ".")]
    if not parts or ".." in parts:
        return []
    spelt = ["/".join(parts), "/".join(["images", *parts])]
    if parts[0] in _PREFIXES and len(parts) > 1:
        spelt.append("/".join(parts[1:]))
    return spelt

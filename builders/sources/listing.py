"""The files of a source folder."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import Item
from nyxqa.schemas.errors import WorldError

ListedFile = tuple[str, os.stat_result]


def listed_files(folder: Path, suffix: str = "") -> list[ListedFile]:
    """Return the files below ``folder`` as relative path and state, sorted by path.

    Hidden folders and the outputs of builds are left out.

    :param suffix: Suffix that a file's name must have, in either case.
    :raises WorldError: If the folder is missing or unreadable.
    """
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise WorldError(f"source folder {folder} {problem}")
    try:
        return sorted(_walk(folder, suffix))
    except OSError as error:
        raise WorldError(f"source folder {error.filename} cannot be read: {error.strerror}") from error


def listing_hash(files: Iterable[ListedFile]) -> str:
    """Return a hash over path, size and time of every file, as hexadecimal digits."""
    digest = hashlib.sha256()
    for path, state in files:
        digest.update(os.fsencode(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\0"))
    return digest.hexdigest()


def file_item(path: str, state: os.stat_result) -> Item:
    """The input row of a file that is one page; bytes of its name that are not UTF-8 are escaped."""
    return Item(os.fsencode(path).decode("utf-8", "backslashreplace"), path, None, None, state.st_size)


def refused_file(item: Item, root: Path, max_bytes: int) -> Drop | None:
    """The drop of a file by its name, its place and its size; None if it may be read.

    :param root: The source's folder, which a link must not leave.
    """
    if item.name != item.path:
        return item.drop("bad_name", "the file's name is not UTF-8")
    if not Path(os.path.realpath(root / item.path)).is_relative_to(os.path.realpath(root)):
        return item.drop("outside_source", "a link that leaves the folder")
    if item.size > max_bytes:
        return item.drop("too_large", f"{item.size} bytes, at most {max_bytes} are taken")
    return None


def _walk(folder: Path, suffix: str) -> Iterator[ListedFile]:
    for place, folders, files in os.walk(folder, onerror=_raise):
        if ".work" in folders:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.lower().endswith(suffix):
                continue
            file = os.path.join(place, name)  # noqa: PTH118 - os.walk gives strings, and there may be millions
            try:
                state = os.stat(file)  # noqa: PTH116
            except FileNotFoundError:
                continue  # a dangling link
            except OSError as error:
                if error.errno == errno.ELOOP:  # a link that leads to itself
                    continue
                raise
            yield os.path.relpath(file, folder), state


def _raise(error: OSError) -> None:
    raise error

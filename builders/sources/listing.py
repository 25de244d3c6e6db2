"""The files of a source folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

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

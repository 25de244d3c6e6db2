"""The files of a source folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nyxqa.schemas.errors import WorldError

Listed = tuple[str, os.stat_result]


def listed_files(folder: Path, suffix: str = "") -> list[Listed]:
    """Files below ``folder`` by relative path with their state, less hidden folders and the outputs of builds.

    :param suffix: Of the files' names, in whatever case.
    :raises WorldError: If the folder is missing or unreadable.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise WorldError(f"source folder {folder} {what}")
    try:
        return sorted(_walked(folder, suffix))
    except OSError as error:
        raise WorldError(f"source folder {error.filename} cannot be read: {error.strerror}") from error


def _walked(folder: Path, suffix: str) -> Iterator[Listed]:
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
            yield os.path.relpath(file, folder), state


def _raise(error: OSError) -> None:
    raise error

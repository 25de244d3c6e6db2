"""Atomic file writes: a file is complete or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success it is flushed to disk and renamed to ``path``.

    Its name is used once: two attempts at one file, also on two machines, do not write into each other. What a killed
    process left is removed by ``sweep``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:12]}.part")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sweep(folder: Path, name: str = "*") -> None:
    """Remove the temporary files that killed processes left in ``folder``, which nobody else may be writing to.

    A database that was being made has a log beside it, named after it.

    :param name: Pattern of the names of the files that were being written.
    """
    for left in folder.glob(f".{name}.{'[0-9a-f]' * 12}.part*"):
        if left.is_file() or left.is_symlink():
            left.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` in one atomic step."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys left as given, in one atomic step."""
    write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8"))


def read_json(path: Path) -> Any:
    """The JSON value in ``path``."""
    return json.loads(path.read_bytes())


def flush_folder(folder: Path) -> None:
    """Make renames inside ``folder`` survive a power cut."""
    _flush(folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

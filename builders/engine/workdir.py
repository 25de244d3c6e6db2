"""The output folder: whose it is, and that only one build works in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from filelock import FileLock, Timeout

from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from nyxqa.schemas.files import write_json
from nyxqa.schemas.manifest import WORK, read_manifest
from nyxqa.schemas.tables import FORMAT

_MARK = "nyxqa.json"


@contextmanager
def output_folder(out: Path) -> Iterator[Path]:
    """Take ``out`` for one build; gives its work folder.

    :raises UsageError: If ``out`` holds something that is not nyxqa's.
    :raises WorldError: If it cannot be written or another build works in it.
    """
    work = out / WORK
    if "?" in str(out.absolute()):
        raise UsageError(f"--out {out}: DuckDB cannot work in a folder whose path holds a question mark")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; --out names a folder")
    if out.exists() and not (work / _MARK).exists() and _foreign(out):
        raise UsageError(f"{out} is not empty and not a folder of nyxqa; choose another --out")
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = FileLock(work / "lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise WorldError(f"another build works in {out}; wait for it to end") from error
    except OSError as error:
        raise WorldError(f"cannot write to {out}: {error.strerror or error}") from error
    try:
        if not (work / _MARK).exists():
            write_json(work / _MARK, {"format": FORMAT})
        yield work
    finally:
        lock.release()


def scratch_folder(out: Path) -> Path:
    """Where a command that only reads ``out`` keeps its databases: in its work folder, else where ``TMPDIR`` says."""
    work = out / WORK
    return work if work.is_dir() and os.access(work, os.W_OK) else Path(gettempdir())


def _foreign(out: Path) -> bool:
    """Whether ``out`` holds anything but a dataset of nyxqa that lost its work folder."""
    if not {path.name for path in out.iterdir()} - {WORK}:
        return False
    try:
        read_manifest(out)
    except (FormatError, OSError):
        return True
    return False

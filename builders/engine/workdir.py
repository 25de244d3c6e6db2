"""The output folder: whose it is, and that only one build works in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from filelock import FileLock, Timeout

from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from nyxqa.schemas.files import read_json, write_json
from nyxqa.schemas.manifest import WORK, read_manifest
from nyxqa.schemas.tables import FORMAT

_FILE = "generations.json"


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


def steps_folder(work: Path) -> Path:
    """Folder of all steps below the work folder."""
    return work / "steps"


def step_folder(work: Path, name: str, split: str, fingerprint: str) -> Path:
    """Folder of one step's files.

    :param name: The step's name, STAGE or STAGE/PART.
    :param split: Split it works on; empty where it works on none.
    """
    label = name.replace("/", ".") + (f".{split}" if split else "")
    return steps_folder(work) / label / fingerprint[:16]


def done_file(folder: Path) -> Path:
    """The file that marks the step in ``folder`` as finished; written last, it holds the counts of the step."""
    return folder / "done.json"


def is_done(folder: Path) -> bool:
    """Whether the step in ``folder`` is finished."""
    return done_file(folder).exists()


def forget_stages(work: Path, stages: Collection[str]) -> None:
    """Remove all steps of ``stages``, those of other fingerprints and splits too."""
    for folder in steps_folder(work).glob("*"):
        if folder.name.partition(".")[0] in stages:
            shutil.rmtree(folder)


def generation(work: Path, name: str, again: Collection[str] = ()) -> int:
    """The generation of ``name``, from 0; one more if ``name`` is among those to be observed ``again``."""
    return _read(work).get(name, 0) + (name in again)


def begin_generation(work: Path, name: str) -> None:
    """Advance the generation of ``name``, so that every step that depends on it runs again."""
    write_json(work / _FILE, {**_read(work), name: generation(work, name) + 1})


def _read(work: Path) -> dict[str, int]:
    file = work / _FILE
    found: dict[str, int] = read_json(file) if file.exists() else {}
    return found

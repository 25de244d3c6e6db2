"""The output folder and its work folder: lock, paths of steps, generations of observations."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from filelock import FileLock, Timeout

from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from nyxqa.schemas.files import read_json, sweep, write_json
from nyxqa.schemas.manifest import MANIFEST, WORK, read_manifest
from nyxqa.schemas.tables import FORMAT

_GENERATIONS = "generations.json"
_MARK = "nyxqa.json"


@contextmanager
def output_folder(out: Path, others: bool = False) -> Iterator[Path]:
    """Lock ``out`` for one build; yields its work folder, without the temporary files of killed builds.

    :param others: Whether files that nyxqa did not write may lie in it.
    :raises UsageError: If ``out`` holds files that nyxqa did not write.
    :raises WorldError: If it cannot be written, or another build uses it.
    """
    work = out / WORK
    if "?" in str(out.absolute()):
        raise UsageError(f"--out {out}: DuckDB cannot use a folder whose path contains a question mark")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; --out names a folder")
    if not others and out.exists() and not (work / _MARK).exists() and _foreign(out):
        raise UsageError(f"{out} is not empty and was not written by nyxqa; choose another --out")
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = FileLock(work / "lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise WorldError(f"another build uses {out}; wait for it to end") from error
    except OSError as error:
        raise WorldError(f"cannot write to {out}: {error.strerror or error}") from error
    try:
        for folder, name in ((work, "*"), *((out, name) for name in (MANIFEST, "README.md", "croissant.json"))):
            sweep(folder, name)
        if not (work / _MARK).exists():
            write_json(work / _MARK, {"format": FORMAT})
        yield work
    finally:
        lock.release()


def scratch_folder(out: Path) -> Path:
    """Folder for temporary databases of a command that only reads ``out``: its work folder, otherwise ``TMPDIR``."""
    work = out / WORK
    return work if work.is_dir() and os.access(work, os.W_OK) else Path(gettempdir())


def _foreign(out: Path) -> bool:
    """Whether ``out`` holds anything else than a dataset of nyxqa whose work folder was removed."""
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
    :param split: Split that it processes; empty if it does not process a split.
    """
    label = name.replace("/", ".") + (f".{split}" if split else "")
    return steps_folder(work) / label / fingerprint[:16]


def forget_stages(work: Path, stages: Collection[str]) -> None:
    """Remove all steps of ``stages``, of every fingerprint and split."""
    for folder in steps_folder(work).glob("*"):
        if folder.name.partition(".")[0] in stages:
            shutil.rmtree(folder)


def generation(work: Path, name: str, again: Collection[str] = ()) -> int:
    """Number of times that ``name`` was observed again; one more if it is among those to be observed ``again``."""
    return _read(work).get(name, 0) + (name in again)


def begin_generation(work: Path, name: str) -> None:
    """Advance the generation of ``name``, so that every step that depends on it runs again."""
    write_json(work / _GENERATIONS, {**_read(work), name: generation(work, name) + 1})


def _read(work: Path) -> dict[str, int]:
    file = work / _GENERATIONS
    generations: dict[str, int] = read_json(file) if file.exists() else {}
    return generations

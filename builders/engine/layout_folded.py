"""Where the steps of a run lie in its work folder, and how a whole one is told from a begun one."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path


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
    """The file that says that the step in ``folder`` is whole; written last, it holds the step's counts."""
    return folder / "done.json"


def is_done(folder: Path) -> bool:
    """Whether the step in ``folder`` is whole."""
    return done_file(folder).exists()


def forget_stages(work: Path, stages: Collection[str]) -> None:
    """Remove all steps of ``stages``, those of other fingerprints and splits too."""
    for folder in steps_folder(work).glob("*"):
        if folder.name.partition(".")[0] in stages:
            shutil.rmtree(folder)

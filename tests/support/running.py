"""Running the command line in a process group of its own, and inspecting what it leaves behind."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from nyxqa.cli import main

# A line about a finished step, as a build reports it on stderr.
STEP_LINE = re.compile(
    r"[a-z]+(/[a-z]+)?( (train|validation|test))?   ([\d,]+ [A-Za-z]+ -> [\d,]+( [A-Za-z]+)?   .*)?\d+\.\d s$"
)
ROOT = Path(__file__).parents[2]


def command(*arguments: object) -> list[str]:
    """The command line of ``python -m nyxqa``."""
    return [sys.executable, "-m", "nyxqa", *map(str, arguments)]


def environment() -> dict[str, str]:
    """The caller's environment, with this checkout first on the import path."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def nyxqa(*arguments: object, cwd: Path = ROOT, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        command(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True, timeout=timeout, check=False
    )


@contextmanager
def started(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Start the command line in a session of its own; whatever is left of it is killed at the end."""
    process = subprocess.Popen(
        command(*arguments),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for pid in survivors(process.pid):
            psutil.Process(pid).kill()
        process.kill()
        process.communicate()


def survivors(session: int) -> list[int]:
    """Processes of a session that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def wait_for_none(session: int, seconds: float = 10) -> list[int]:
    """Survivors of a session after at most ``seconds``."""
    until = time.monotonic() + seconds
    while (found := survivors(session)) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def wait_until_gone(pid: int, seconds: float = 10) -> bool:
    """Whether process ``pid`` ends within ``seconds``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def published(out: Path) -> dict[str, str]:
    """Hash of each file below ``data/`` and of the card, by path."""
    files = [*sorted((out / "data").rglob("*")), out / "README.md"]
    return {
        file.relative_to(out).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file()
    }


def states(out: Path) -> dict[str, tuple[int, int, int]]:
    """Inode, time of change and size of each file below ``out``, the lock left out."""
    return {
        file.relative_to(out).as_posix(): (file.stat().st_ino, file.stat().st_mtime_ns, file.stat().st_size)
        for file in sorted(out.rglob("*"))
        if file.is_file() and file.name != "lock"
    }


def leave(*arguments: object) -> int:
    """The exit code of the command line with these arguments, run in this process."""
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    assert isinstance(left.value.code, int)
    return left.value.code

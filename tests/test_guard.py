"""Exit codes and lines of whatever ends a command: signals within native code, and errors of every kind."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from nyxqa.guard import Terminated, guarded
from nyxqa.schemas.errors import BudgetError, LawError, UsageError, WorldError
from tests.support.running import ROOT, environment, wait_until_gone

SAID = {
    signal.SIGINT: (130, "nyxqa: interrupted; run again to continue"),
    signal.SIGTERM: (143, "nyxqa: terminated; run again to continue"),
}
HERE = "endless_query(0)"
IN_WORKERS = "list(LocalExecutor(2).map(endless_query, range(4)))"
WRAPPED = """
try:
    endless_query(0)
except BaseException as error:
    raise WorldError("a step failed") from error
"""


@contextmanager
def working(code: str, debug: bool) -> Iterator[subprocess.Popen[str]]:
    """A process that runs ``code`` guarded, and is in the middle of a query of DuckDB."""
    script = f"""
import sys
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.guard import guarded
from nyxqa.schemas.errors import WorldError
from tests.support.tasks import endless_query

def work():
    exec({code!r}, globals())

if __name__ == "__main__":
    sys.exit(guarded(work, {debug}))
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "working\n"
            time.sleep(0.3)
            yield process
        finally:
            process.kill()


SWALLOWS = """
while True:
    try:
        time.sleep(60)
    except BaseException:
        pass
"""
LOST = """
class Lost:
    def __del__(self):
        print(1, flush=True)
        time.sleep(60)

Lost()
while True:
    time.sleep(0.1)
"""
IMPORTS = """
import os, resource, subprocess, sys, time
from collections import deque
from itertools import count
from threading import Thread
from nyxqa.guard import guarded
from nyxqa.schemas.errors import LawError, UsageError, WorldError
"""


@contextmanager
def hanging(code: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs ``code`` guarded and is about to hang in it."""
    script = f"{IMPORTS}\ndef work():\n  exec({code!r}, globals())\nsys.exit(guarded(work, False))"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("code", [HERE, WRAPPED, IN_WORKERS])
@pytest.mark.parametrize("number", list(SAID))
def test_a_signal_while_duckdb_works_is_one_line(number: signal.Signals, code: str) -> None:
    """Only this process is signalled; DuckDB turns what the handler raises into an error of its own."""
    with working(code, debug=False) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (SAID[number][0], SAID[number][1] + "\n")


def test_with_debug_the_traceback_goes_before_the_line() -> None:
    with working(HERE, debug=True) as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "endless_query" in err
    assert err.splitlines()[0] == "Traceback (most recent call last):"
    assert err.splitlines()[-1] == SAID[signal.SIGINT][1]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WorldError("gone"), 1),
        (OSError("gone"), 1),
        (UsageError("gone"), 2),
        (LawError("gone"), 3),
        (BudgetError("gone"), 4),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
    ],
)
def test_debug_changes_no_exit_code(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise error

    assert guarded(command, debug=False) == code
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert guarded(command, debug=True) == code
    told = capsys.readouterr().err
    assert told.startswith("Traceback") and told.endswith(line)


def test_an_error_of_the_program_is_raised() -> None:
    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guarded(command, debug=False)


HANGS = {
    "holds Python's lock": "deque(count(), maxlen=0)",
    "swallows what is raised": SWALLOWS,
    "waits for a thread": "Thread(target=time.sleep, args=(60,)).start()\ntime.sleep(60)",
}


@pytest.mark.parametrize(
    ("number", "where"),
    [
        (signal.SIGINT, "holds Python's lock"),
        (signal.SIGTERM, "holds Python's lock"),
        (signal.SIGTERM, "swallows what is raised"),
        (signal.SIGINT, "waits for a thread"),
    ],
)
def test_a_signal_ends_the_command_whatever_it_hangs_in(number: signal.Signals, where: str) -> None:
    """A process of its own watches: of this one, no Python runs any more."""
    code = HANGS[where]
    with hanging(f"child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True)\n{code}") as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        time.sleep(0.2)
        sent = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (SAID[number][0], SAID[number][1] + "\n")
    assert time.monotonic() - sent < 15  # 3 s and what a busy machine adds
    assert wait_until_gone(child) or code == HANGS["waits for a thread"]


def test_a_signal_while_importing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("print('working', flush=True)\nfrom time import sleep\nsleep(60)\n")
    paths = {**environment(), "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    for module in ("nyxqa", "nyxqa.build"):
        with subprocess.Popen(
            [sys.executable, "-m", module, "--help"],
            cwd=ROOT,
            env=paths,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "working\n"
            (tmp_path / "typer.py").write_text("class Abort(Exception): pass\nclass TyperException(Exception): pass\n")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (130, "nyxqa: interrupted; run again to continue\n")
        (tmp_path / "typer.py").write_text("print('working', flush=True)\nfrom time import sleep\nsleep(60)\n")


def test_what_a_callback_cannot_raise_is_raised_again() -> None:
    with hanging(LOST) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "nyxqa: interrupted; run again to continue\n")


CLOSED = [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"]


@pytest.mark.parametrize("closed", CLOSED)
def test_closed_streams_change_no_exit_code_and_get_into_no_file(closed: str, tmp_path: Path) -> None:
    """A file that is opened next would take the number of a closed stream."""
    work = "file = open('file', 'w'); os.system('echo library; echo library >&2'); print(1); raise error; "
    for error, code in (("WorldError('gone')", 1), ("UsageError('gone')", 2), ("KeyboardInterrupt()", 130)):
        script = f"{IMPORTS}\ndef work():\n  error = {error}\n  {work}\nsys.exit(guarded(work, False))"
        (tmp_path / "script.py").write_text(script)
        done = subprocess.run(  # noqa: S602 - what a shell does is the matter
            f"exec {shlex.quote(sys.executable)} script.py {closed}",
            shell=True,
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert (tmp_path / "file").read_text() == ""
        lines = [line for line in done.stderr.splitlines() if line != "library"]
        assert len(lines) == (0 if "2>&-" in closed else 1)


@pytest.mark.parametrize(("full", "code", "lines"), [("> /dev/full", 1, 1), ("2> /dev/full", 3, 0)])
def test_a_full_device_for_a_stream_is_one_line_or_none(full: str, code: int, lines: int) -> None:
    script = f"{IMPORTS}\ndef work():\n  print(1)\n  if not {lines}: raise LawError('gone')\n"
    script += "sys.exit(guarded(work, False))"
    done = subprocess.run(  # noqa: S602 - what a shell does is the matter
        f"exec {shlex.quote(sys.executable)} -c {shlex.quote(script)} {full}",
        shell=True,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (code, lines), done.stderr


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        pa.ArrowMemoryError("malloc of size 64 failed"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("x.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
    ],
)
def test_no_memory_is_one_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise error

    assert guarded(command, debug=False) == 1
    assert capsys.readouterr().err.startswith("nyxqa: memory ran out; run again with fewer --workers")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room_for_a_file_is_one_line(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise OSError(number, os.strerror(number))

    assert guarded(command, debug=False) == 1
    assert capsys.readouterr().err.startswith("nyxqa: the disk is full; free some space and run again")


def test_memory_that_really_runs_out_is_one_line() -> None:
    script = f"{IMPORTS}\nresource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))\n"
    script += "def work():\n  kept = []\n  while True: kept.append(bytearray(1 << 20))\nsys.exit(guarded(work, False))"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("nyxqa: memory ran out")

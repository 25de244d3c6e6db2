"""Exit codes and lines of whatever ends a command: signals within native code, and errors of every kind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nyxqa.guard import Terminated, guarded
from nyxqa.schemas.errors import BudgetError, LawError, UsageError, WorldError
from tests.support.running import ROOT, environment

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

"""From errors to one line and an exit code."""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType, TracebackType

_STOPS: dict[int, tuple[str, int]] = {
    signal.SIGINT: ("interrupted; run again to continue", 130),
    signal.SIGTERM: ("terminated; run again to continue", 143),
}


class Interrupted(BaseException):
    """SIGINT arrived; typer, which turns KeyboardInterrupt into a silent exit, does not catch this class."""


class Terminated(BaseException):
    """SIGTERM arrived."""


def guarded(command: Callable[[], object], debug: bool) -> int:
    """Run ``command``; returns its exit code after saying what went wrong in one line.

    0 done; 1 external failure; 2 wrong command line or recipe; 3 a check failed; 4 budget spent; 130, 143 interrupted.

    :param debug: Whether the traceback goes before the line.
    """
    signal.signal(signal.SIGTERM, _terminate)
    with _Arrivals() as arrivals:
        try:
            result = command()
            sys.stdout.flush()
            return result if isinstance(result, int) else 0
        except BaseException as error:
            failure = _line_and_code(error, arrivals.stop())
            if failure is None:
                raise
            line, code = failure
            return _fail(error, line, code, debug)


class _Arrivals:
    """Signals as they come, whoever handles them.

    What a handler raises within native code leaves it as another error: DuckDB makes it "Query interrupted".
    """

    def __enter__(self) -> _Arrivals:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        signal.set_wakeup_fd(self._before)
        os.close(self._reader)
        os.close(self._writer)

    def stop(self) -> int | None:
        """Number of the first stop signal that arrived, or None."""
        try:
            numbers = os.read(self._reader, select.PIPE_BUF)
        except BlockingIOError:
            return None
        return next((number for number in numbers if number in _STOPS), None)


def _line_and_code(error: BaseException, stop: int | None) -> tuple[str, int] | None:
    """The line and the exit code for an error; None if it is a bug in the program."""
    import typer

    from nyxqa.schemas.errors import NyxqaError

    match error:
        case _ if stop is not None:
            return _STOPS[stop]
        case Interrupted() | KeyboardInterrupt() | typer.Abort():
            return _STOPS[signal.SIGINT]
        case Terminated():
            return _STOPS[signal.SIGTERM]
        case NyxqaError():
            return str(error), error.exit_code
        case typer.TyperException():
            return _usage(error.format_message()), 2
        case BrokenPipeError():  # whoever read stdout has seen enough; typer, too, leaves with 1
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return "", 1
        case OSError():
            full = "the disk is full; free some space and run again, finished shards are kept"
            return full if _disk_is_full(error) else str(error), 1
    return None


def _usage(message: str) -> str:
    """What typer says of a usage error, without the name of the exception that its types raise."""
    return message.replace("Value error, ", "")


def _disk_is_full(error: OSError) -> bool:
    """Whether ``error`` says so; NumPy and Arrow give no error number, NumPy not even the words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
        return True
    return re.fullmatch(r"\d+ requested and \d+ written", str(error)) is not None


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _fail(error: BaseException, line: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    if line:  # a bare call has shown its help instead
        sys.stderr.write(f"nyxqa: {' '.join(line.split())}\n")
    return code

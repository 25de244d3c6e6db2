"""Turn errors into one line on stderr and an exit code."""

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
    """SIGINT arrived; typer turns KeyboardInterrupt into a silent exit, but does not catch this class."""


class Terminated(BaseException):
    """SIGTERM arrived."""


def guarded(command: Callable[[], object], debug: bool) -> int:
    """Run ``command`` and return its exit code; an error is printed as one line.

    0 success; 1 external failure; 2 wrong command line or recipe; 3 failed check; 4 budget spent; 130, 143 interrupted.

    :param debug: Whether the traceback is printed before the line.
    """
    signal.signal(signal.SIGTERM, _terminate)
    with _SignalRecorder() as signals:
        try:
            result = command()
            sys.stdout.flush()
            return result if isinstance(result, int) else 0
        except BaseException as error:
            failure = _line_and_code(error, signals.stop())
            if failure is None:
                raise
            line, code = failure
            return _fail(error, line, code, debug)


class _SignalRecorder:
    """Records the signals that arrive, whatever handles them.

    An exception that a handler raises inside native code leaves it as another error, from DuckDB "Query interrupted".
    """

    def __enter__(self) -> _SignalRecorder:
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
        case BrokenPipeError():  # the reader of stdout closed it; typer, too, exits with 1
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return "", 1
        case OSError():
            full = "the disk is full; free some space and run again, finished shards are reused"
            return full if _disk_is_full(error) else str(error), 1
    return None


def _usage(message: str) -> str:
    """Typer's message on a usage error, without the name of the exception that its parameter types raise."""
    return message.replace("Value error, ", "")


def _disk_is_full(error: OSError) -> bool:
    """Whether the disk is full: Arrow's error has no error number, and NumPy's not even a description."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
        return True
    return re.fullmatch(r"\d+ requested and \d+ written", str(error)) is not None


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _fail(error: BaseException, line: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    if line:  # without a command, help was printed instead
        sys.stderr.write(f"nyxqa: {' '.join(line.split())}\n")
    return code

"""Turn errors and signals into one line on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from nyxqa.watchdog import Watchdog

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_STOPS: dict[int, tuple[str, int]] = {
    signal.SIGINT: ("interrupted; run again to continue", 130),
    signal.SIGTERM: ("terminated; run again to continue", 143),
}
_DISK_FULL = "the disk is full; free some space and run again, finished shards are reused"
_MEMORY_FULL = (
    "memory ran out; run again with fewer --workers, or on a machine with more memory, finished shards are reused"
)
_RAISE_AGAIN = 0.05  # seconds


class Interrupted(BaseException):
    """SIGINT arrived; typer turns KeyboardInterrupt into a silent exit, but does not catch this class."""


class Terminated(BaseException):
    """SIGTERM arrived."""


def guarded(command: Callable[[], object], debug: bool) -> int:
    """Run ``command`` and return its exit code; an error is printed as one line.

    0 success; 1 external failure; 2 wrong command line or recipe; 3 failed check; 4 budget spent; 130, 143 interrupted.
    A signal ends it within 5 s, also inside native code.

    :param debug: Whether the traceback is printed before the line.
    """
    _open_standard_streams()
    with _Stops() as stops:
        try:
            result = command()
            sys.stdout.flush()
            return result if isinstance(result, int) else 0
        except BaseException as error:
            failure = _line_and_code(error, stops.first)
            if failure is None:
                raise
            stops.ignore()
            line, code = failure
            return _fail(error, line, code, debug)
        finally:
            _drop_what_cannot_be_written()


class _Stops:
    """Raises and records the first stop signal, and starts a watchdog, which ends the process if that does not.

    An exception that a handler raises inside native code leaves it as another error, from DuckDB "Query interrupted".
    """

    def __init__(self) -> None:
        self.first: int | None = None
        self._watchdog = Watchdog(_STOPS)

    def __enter__(self) -> _Stops:
        self._before = {number: signal.signal(number, self._raise) for number in _STOPS}
        self._hook, sys.unraisablehook = sys.unraisablehook, self._raise_again
        self._watchdog.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        sys.unraisablehook = self._hook
        if self.first is not None:  # the process is about to end, and is watched until it does
            self._watchdog.said()
            return
        self._watchdog.stop()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ignore(self) -> None:
        """Let further signals not disturb the last line."""
        if self.first is not None:
            self._watchdog.said()
            for number in _STOPS:
                signal.signal(number, signal.SIG_IGN)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.first = self.first or number
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated

    def _raise_again(self, lost: UnraisableHookArgs) -> None:
        """Raise once more what came up where nothing can be raised, as in a destructor or a callback."""
        if self.first is None or not issubclass(lost.exc_type, KeyboardInterrupt | Terminated):
            self._hook(lost)
            return
        import _thread
        import threading

        again = threading.Timer(_RAISE_AGAIN, _thread.interrupt_main, (self.first,))
        again.daemon = True
        again.start()


def _open_standard_streams() -> None:
    """Put the null device where standard streams are closed, as daemons and cron leave them.

    Otherwise the next file that is opened takes the number of the stream, and gets what libraries write there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(null, True)
        if getattr(sys, name) is None:
            stream: Any = open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def _line_and_code(error: BaseException, stop: int | None) -> tuple[str, int] | None:
    """The line and the exit code for an error; None if it is a bug in the program."""
    match error:
        case _ if stop is not None:
            return _STOPS[stop]
        case Interrupted() | KeyboardInterrupt():
            return _STOPS[signal.SIGINT]
        case Terminated():
            return _STOPS[signal.SIGTERM]
        case _ if _memory_is_full(error):
            traceback.clear_frames(error.__traceback__)  # to have memory for what follows
            return _MEMORY_FULL, 1
        case BrokenPipeError():  # the reader of stdout closed it; typer, too, exits with 1
            return "", 1
        case OSError():
            return _DISK_FULL if _disk_is_full(error) else str(error), 1
    return _line_and_code_of_known(error)


def _line_and_code_of_known(error: BaseException) -> tuple[str, int] | None:
    """The line and the exit code for an error of nyxqa or typer; None for another."""
    from nyxqa.schemas.errors import NyxqaError

    if isinstance(error, NyxqaError):
        return str(error), error.exit_code
    if (typer := sys.modules.get("typer")) is not None:
        if isinstance(error, typer.Abort):
            return _STOPS[signal.SIGINT]
        if isinstance(error, typer.TyperException):
            return _usage(error.format_message()), 2
    return None


def _usage(message: str) -> str:
    """Typer's message on a usage error, without the name of the exception that its parameter types raise."""
    return message.replace("Value error, ", "")


def _disk_is_full(error: OSError) -> bool:
    """Whether the disk is full: Arrow's error has no error number, and NumPy's not even a description."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "No space left" in str(error):
        return True
    return re.fullmatch(r"\d+ requested and \d+ written", str(error)) is not None


def _memory_is_full(error: BaseException) -> bool:
    """Whether memory ran out: for Python and Arrow, for the loader of a library, or for the stack of a thread."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    words = {ImportError: r"failed to map segment|[Cc]annot allocate memory", RuntimeError: r"can't start new thread"}
    return any(isinstance(error, kind) and re.search(signs, str(error)) for kind, signs in words.items())


def _fail(error: BaseException, line: str, code: int, debug: bool) -> int:
    from nyxqa.schemas.credentials import redacted

    with suppress(OSError):  # nobody reads stderr, or its disk is full; the code is what is left to say it
        if debug:
            sys.stderr.write(redacted("".join(traceback.format_exception(error))))
        if line:  # without a command, help was printed instead
            sys.stderr.write(f"nyxqa: {redacted(' '.join(line.split()))}\n")
            sys.stderr.flush()
    return code


def _drop_what_cannot_be_written() -> None:
    """Point a stream that takes no more at the null device: the interpreter would complain of it when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

"""From errors to one line and an exit code."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from collections.abc import Callable
from types import FrameType

_INTERRUPTED = 130


class Terminated(BaseException):
    """SIGTERM arrived."""


def guarded(command: Callable[[], object], debug: bool) -> int:
    """Run ``command``; returns its exit code after saying what went wrong in one line.

    0 done; 1 met in the world; 2 knowable from the command line; 3 a law failed; 4 budget; 130, 143 interrupted.
    """
    import typer

    from nyxqa.schemas.errors import NyxqaError

    signal.signal(signal.SIGTERM, _terminate)
    try:
        result = command()
        sys.stdout.flush()
        if result == _INTERRUPTED:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except NyxqaError as error:
        return _fail(error, str(error), error.exit_code, debug)
    except typer.TyperException as error:
        return _fail(error, _usage(error.format_message()), 2, debug)
    except BrokenPipeError:  # whoever read stdout has seen enough; typer, too, leaves with 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        full = "the disk is full; free some space and run again, finished shards are kept"
        what = full if _disk_is_full(error) else str(error)
        return _fail(error, what, 1, debug)
    except (KeyboardInterrupt, typer.Abort) as error:
        return _fail(error, "interrupted; run again to continue", _INTERRUPTED, debug)
    except Terminated as error:
        return _fail(error, "terminated; run again to continue", 143, debug)


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
        raise error
    if line:  # a bare call has shown its help instead
        sys.stderr.write(f"nyxqa: {' '.join(line.split())}\n")
    return code

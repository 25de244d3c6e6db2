"""Ending a process that a signal cannot stop: a second process watches over it.

Python runs its signal handlers between two instructions of the main thread. A library that computes without end in
native code, perhaps while it holds Python's lock, keeps the handlers and every thread of the process from running; only
another process can act then.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
from collections.abc import Mapping
from contextlib import suppress
from mmap import mmap
from pathlib import Path

SECONDS = 3.0  # from the first signal to the end of the process
_LAST_SECONDS = 0.5  # until it is killed
_TASKS = Path("/proc/self/task")
_SIGEV_THREAD = 2


class Watchdog:
    """Sees that this process ends after a stop signal, with the exit code and the line of that signal.

    :param stops: Line and exit code by signal number.
    """

    def __init__(self, stops: Mapping[int, tuple[str, int]]) -> None:
        self._stops = stops
        self._said = mmap(-1, 1)  # shared with the watching process
        self._wakeup: int | None = None
        self._before = -1
        self._child = -1

    def start(self) -> None:
        """Start the second process, where that is safe: on Linux, in the main thread, before there are other threads.

        A process that already has threads (a program that calls the command line as a function) is left to itself.
        """
        if not _TASKS.is_dir() or len(list(_TASKS.iterdir())) > 1:
            return
        arrivals, self._wakeup = os.pipe()
        os.set_blocking(self._wakeup, False)
        exits = {code: os.pipe() for _, code in self._stops.values()}  # both ends stay open: their end is not a byte
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, self._stops)
        try:
            self._child = os.fork()
        except OSError:  # no second process to be had; signals work as in any Python program
            self._child = -1
        if self._child == 0:
            self._watch(os.getppid(), arrivals, {code: writer for code, (_, writer) in exits.items()})
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(arrivals)
        for code, (reader, _) in exits.items():
            _exit_when_readable(reader, code)
        self._before = signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)

    def stop(self) -> None:
        """End the watch."""
        if self._wakeup is not None:
            signal.set_wakeup_fd(self._before)
            os.close(self._wakeup)
            self._wakeup = None
            if self._child > 0:
                os.waitpid(self._child, 0)

    def said(self) -> None:
        """Note that this process has said why it ends."""
        self._said[0] = 1

    def _watch(self, process: int, arrivals: int, exits: Mapping[int, int]) -> None:
        """Wait for a signal and then for the end of ``process``; never returns."""
        try:
            for ignored in {*self._stops, signal.SIGHUP, signal.SIGQUIT}:
                signal.signal(ignored, signal.SIG_IGN)
            os.close(self._wakeup or 0)
            null = os.open(os.devnull, os.O_RDWR)
            for standard in (0, 1):
                os.dup2(null, standard)
            number = self._first_stop(arrivals)
            if number is not None and not _ends(arrivals, SECONDS):
                line, code = self._stops[number]
                _kill_descendants(process)
                with suppress(OSError):
                    os.write(exits[code], b"!")
                if not _ends(arrivals, _LAST_SECONDS):
                    with suppress(OSError):
                        os.kill(process, signal.SIGKILL)
                if not self._said[0]:
                    with suppress(OSError):
                        os.write(2, f"nyxqa: {line}\n".encode())
        finally:
            os._exit(0)

    def _first_stop(self, arrivals: int) -> int | None:
        """The first stop signal; None if the process ends without one."""
        while numbers := os.read(arrivals, select.PIPE_BUF):
            for number in numbers:
                if number in self._stops:
                    return number
        return None


def _ends(arrivals: int, seconds: float) -> bool:
    """Whether the writing end of the pipe is closed, as it is when its process ends, within ``seconds``."""
    import time

    until = time.monotonic() + seconds
    poll = select.poll()
    poll.register(arrivals, select.POLLIN)
    while (left := until - time.monotonic()) > 0:
        if poll.poll(1000 * left) and not os.read(arrivals, select.PIPE_BUF):
            return True
    return False


def _kill_descendants(process: int) -> None:
    """Kill what ``process`` has started, children of children too, but for this process."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    left = [process]
    while left:
        for child in children.get(left.pop(), []):
            if child != os.getpid():
                left.append(child)
                with suppress(OSError):
                    os.kill(child, signal.SIGKILL)


class _Event(ctypes.Structure):
    """``struct sigevent`` of glibc."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("number", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("padding", ctypes.c_char * 32),
    )


class _Request(ctypes.Structure):
    """``struct aiocb`` of glibc on 64-bit machines."""

    _fields_ = (
        ("descriptor", ctypes.c_int),
        ("operation", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("event", _Event),
        ("padding", ctypes.c_char * 128),
    )


_requests: list[object] = []  # alive as long as the process: native code reads them


def _exit_when_readable(reader: int, code: int) -> None:
    """Let the process end with ``code`` as soon as a byte can be read, whatever holds Python's lock.

    A thread of the C library reads the byte and calls ``_exit``; no Python runs. Where that library is another than
    glibc on a 64-bit machine, the process will be killed instead, which is the exit code 137 of a shell.
    """
    if not _has_glibc():
        return
    libc = ctypes.CDLL(None)
    buffer = ctypes.create_string_buffer(1)
    request = _Request(descriptor=reader, buffer=ctypes.cast(buffer, ctypes.c_void_p).value, size=1)
    request.event = _Event(value=code, notify=_SIGEV_THREAD, function=ctypes.cast(libc._exit, ctypes.c_void_p).value)
    if libc.aio_read(ctypes.byref(request)) == 0:
        _requests.extend((buffer, request))


def _has_glibc() -> bool:
    try:
        return ctypes.sizeof(ctypes.c_void_p) == 8 and (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except ValueError:  # another C library does not know the name
        return False

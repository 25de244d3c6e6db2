"""What a long command is doing: a live bar on a terminal, a line every 30 seconds elsewhere.

The command opens a ``display``; whatever works below it reports by ``task``. Without a display tasks are silent, so
that the same functions are quiet when a program calls them.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

INTERVAL = 30.0  # seconds between two lines where there is no terminal


class Task:
    """Something with a known or unknown end; several threads may read it.

    :param label: What is done; "" for a part of the task around it.
    :param total: Number of units; None if it is not known.
    :param unit: What is counted, in the singular; "" if the count says nothing to people.
    """

    def __init__(self, label: str, total: int | None, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self._note = ""
        self._started = time.perf_counter()

    def advance(self, units: int = 1) -> None:
        """Count units that are done."""
        self.done += units

    def note(self, text: str) -> None:
        """What is being done right now."""
        self._note = text

    def line(self) -> str:
        """For a file: ``step 41 of 115, loss 0.63``."""
        counted = f"{self.unit} {self.done:,} of {self.total:,}" if self.total and self.unit else ""
        if self.total is None and self.unit:
            counted = f"{self.done:,} {self.unit}{'' if self.done == 1 else 's'}"
        return ", ".join(filter(None, (self._note, counted)))

    def bar(self) -> str:
        """For a terminal: ``41/115 step · loss 0.63 · 00:17<00:26``."""
        elapsed = time.perf_counter() - self._started
        counted = f"{self.done:,}/{self.total:,} {_many(self.unit)}" if self.total and self.unit else ""
        if self.total is None and self.unit:
            counted = f"{self.done:,} {_many(self.unit)}"
        left = ""
        if self.total and self.done:
            left = f"<{clock(elapsed / self.done * (self.total - self.done))}"
        return " \u00b7 ".join(filter(None, (counted, self._note, f"{clock(elapsed)}{left}")))


def _many(unit: str) -> str:
    """The plural of a unit; a measure such as MB has none."""
    return unit if unit.isupper() else f"{unit}s"


def clock(seconds: float) -> str:
    """Minutes and seconds, ``00:17``, with hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


class _Display:
    """The tasks that run now, the outermost first."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.lock = threading.Lock()

    def line(self) -> str:
        """All tasks in one line; "" if there is none."""
        with self.lock:
            running = list(self.tasks)
        label = next((task.label for task in running if task.label), "")
        said = ", ".join(filter(None, (task.line() for task in running)))
        return f"{label}: {said}" if label and said else label or said


_shown: _Display | None = None


@contextmanager
def task(label: str = "", total: int | None = None, unit: str = "") -> Iterator[Task]:
    """A task that is shown while the context is open, if a command shows any."""
    one, display = Task(label, total, unit), _shown
    if display is not None:
        with display.lock:
            display.tasks.append(one)
    try:
        yield one
    finally:
        if display is not None:
            with display.lock:
                display.tasks.remove(one)


@contextmanager
def display(interval: float = INTERVAL) -> Iterator[None]:
    """Show the tasks that run within the context on stderr."""
    global _shown
    before, shown = _shown, _Display()
    _shown = shown
    try:
        with _bars(shown) if sys.stderr.isatty() else every(interval, partial(_write_line, shown)):
            yield
    finally:
        _shown = before


@contextmanager
def every(interval: float, report: Callable[[], None]) -> Iterator[None]:
    """Call ``report`` in a thread every ``interval`` seconds while the context is open."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(interval):
            report()

    thread = threading.Thread(target=repeat, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _write_line(shown: _Display) -> None:
    if line := shown.line():
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


@contextmanager
def _bars(shown: _Display) -> Iterator[None]:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text

    spinner = Spinner("dots")

    class Rows:
        """A row for each task, made again at each refresh."""

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            with shown.lock:
                running = list(shown.tasks)
            grid = Table.grid(padding=(0, 1))
            for one in running:
                bar: Any = ProgressBar(one.total, one.done, width=20) if one.total else spinner
                grid.add_row(Text(one.label), bar, Text(one.bar(), overflow="ellipsis", no_wrap=True))
            yield grid

    with Live(Rows(), console=Console(stderr=True), transient=True, redirect_stdout=False, refresh_per_second=4):
        yield

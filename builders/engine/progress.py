"""Progress: a live bar or a line per step on stderr, and a JSON object per step on stdout."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.status import Status
from nyxqa.builders.engine.step import Step
from nyxqa.builders.formatting import counted
from nyxqa.schemas.credentials import redacted

if TYPE_CHECKING:
    from rich.console import Console

    from nyxqa.builders.engine.step import StepReport

_INTERVAL = 30.0  # seconds between two lines about a running step where there is no terminal


class Bar(Protocol):
    """The display of one running step."""

    def advance(self, shard: Counts, kept: bool = False) -> None:
        """Show that one more shard is finished.

        :param kept: Whether an earlier run finished it.
        """
        ...


class Progress:
    """Reports what a run does.

    :param as_json: Whether finished steps are written to stdout as JSON objects.
    :param interval: Seconds between two lines about a running step where stderr is not a terminal.
    """

    def __init__(self, as_json: bool = False, interval: float = _INTERVAL) -> None:
        self._json, self._interval = as_json, interval
        self._live = sys.stderr.isatty()
        self._console: Console | None = None

    @contextmanager
    def stage(self, step: Step, total: int | None = None) -> Iterator[Bar]:
        """The display of a step while it runs: rows and requests done, and the time left.

        :param total: Number of its input rows, if that is known.
        """
        ACTIVITY.begin_step()
        bar = _Bar(step, total)
        with self._live_bar(bar) if self._live else self._lines(bar):
            yield bar

    def finished(self, report: StepReport) -> None:
        """Report a finished step: its counts, if it has any, and the seconds it took."""
        counts = report.counts
        if self._json:
            line = {"step": report.step.name, "split": report.step.split, **({} if counts is None else asdict(counts))}
            print(json.dumps({**line, "seconds": round(report.seconds, 3)}), flush=True)  # noqa: T201
        summary = "" if counts is None else f"{_summary(report.step, counts)}, "
        self.say(f"{report.step.label}: {summary}{report.seconds:.1f} s")

    def result(self, name: str, value: Mapping[str, object]) -> None:
        """Write the result of the run as the last JSON object."""
        if self._json:
            print(json.dumps({name: value}), flush=True)  # noqa: T201

    def say(self, line: str) -> None:
        """Write one line for people to stderr, above the bar if there is one, without credentials of URLs."""
        line = redacted(line)
        if self._console is None:
            print(line, file=sys.stderr, flush=True)  # noqa: T201
        else:
            self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)

    @contextmanager
    def _live_bar(self, bar: _Bar) -> Iterator[None]:
        from rich.console import Console
        from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TextColumn
        from rich.progress import Progress as Display
        from rich.text import Text

        class State(ProgressColumn):
            """The state of the step, read again at each refresh, so that it moves while a shard is worked on."""

            def render(self, task: Task) -> Text:
                """The step's state as text."""
                task.completed = bar.done()
                return Text(bar.text(), overflow="ellipsis", no_wrap=True)

        console = Console(stderr=True)
        label = TextColumn("{task.description}", markup=False)
        with Display(SpinnerColumn(), label, BarColumn(20), State(), console=console, transient=True) as display:
            display.add_task(bar.label, total=bar.status.total)
            self._console = console
            try:
                yield
            finally:
                self._console = None

    @contextmanager
    def _lines(self, bar: _Bar) -> Iterator[None]:
        over = threading.Event()

        def report() -> None:
            while not over.wait(self._interval):
                self.say(f"{bar.label}: {bar.text()}")

        thread = threading.Thread(target=report, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _summary(step: Step, counts: Counts) -> str:
    """For example ``102 rows -> 102 pages, 3 dropped``."""
    skipped = f", {counts.not_sampled:,} not sampled" if counts.not_sampled else ""
    rows_in, rows_out = counted(counts.rows_in, step.unit_in), counted(counts.rows_out, step.unit_out)
    return f"{rows_in} -> {rows_out}, {counts.dropped:,} dropped{skipped}"


class _Bar:
    """A running step; several threads may read it."""

    def __init__(self, step: Step, total: int | None) -> None:
        self.label, self.status = step.label, Status(step.unit_in, total)
        self._started = time.perf_counter()

    def advance(self, shard: Counts, kept: bool = False) -> None:
        """Count one more finished shard."""
        self.status.add(shard, kept)

    def done(self) -> int:
        """Rows done."""
        return self.status.done(ACTIVITY.now())

    def text(self) -> str:
        """The state of the step."""
        return self.status.text(ACTIVITY.now(), time.perf_counter() - self._started)

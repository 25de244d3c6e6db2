"""Progress: a live bar or a line per step on stderr, and a JSON object per step on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.status import Status
from nyxqa.builders.engine.step import Step
from nyxqa.builders.formatting import counted
from nyxqa.schemas.credentials import redacted
from nyxqa.schemas.live import INTERVAL, every

if TYPE_CHECKING:
    from rich.console import Console

    from nyxqa.builders.engine.step import StepReport

_REASONS = 3  # that the line of a stage names


_LABELS = {"assemble/tables": "assemble  writing tables"}  # of steps whose name says too little


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
    :param verbose: Whether steps within a stage have a line of their own.
    :param interval: Seconds between two lines about a running step where stderr is not a terminal.
    """

    def __init__(self, as_json: bool = False, interval: float = INTERVAL, verbose: bool = False) -> None:
        self._json, self._interval, self._verbose = as_json, interval, verbose
        self._parts: list[StepReport] = []  # finished steps of the stage that runs
        self._live = sys.stderr.isatty()
        self._console: Console | None = None

    @contextmanager
    def stage(self, step: Step, total: int | None = None) -> Iterator[Bar]:
        """The display of a step while it runs: rows and requests done, and the time left.

        :param total: Number of its input rows, if that is known.
        """
        ACTIVITY.begin_step()
        bar = _Bar(step, total)
        with self._live_bar(bar) if self._live else every(self._interval, lambda: self.say(bar.line())):
            yield bar

    def finished(self, report: StepReport) -> None:
        """Report a finished step: its counts, if it has any, and the seconds it took.

        A stage of several steps has one line, when its last step is finished, and its parts have none.
        """
        self._write(report)
        if self._verbose:
            self.say(_line(report.step.label, [report]))
            return
        place = (report.step.stage, report.step.split)
        self._parts = [one for one in self._parts if (one.step.stage, one.step.split) == place] + [report]
        if report.step.name == report.step.stage:
            self.say(_line(report.step.label, self._parts))
            self._parts = []

    def observed(self, report: StepReport) -> None:
        """Report what a step collected from outside: a line of its own, for it counts other things than its stage."""
        self._write(report)
        self.say(_line(report.step.label, [report]))

    def _write(self, report: StepReport) -> None:
        """Write a finished step as a JSON object, if these are wanted."""
        if self._json:
            counts = {} if report.counts is None else asdict(report.counts)
            line = {"step": report.step.name, "split": report.step.split, **counts}
            print(json.dumps({**line, "seconds": round(report.seconds, 3)}), flush=True)  # noqa: T201

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
                return Text(bar.live(), overflow="ellipsis", no_wrap=True)

        console = Console(stderr=True)
        label = TextColumn("{task.description}", markup=False)
        share = [TextColumn("{task.percentage:>3.0f} %"), BarColumn(20)] if bar.status.total else []
        with Display(SpinnerColumn(), label, *share, State(), console=console, transient=True) as display:
            display.add_task(bar.label, total=bar.status.total)
            self._console = console
            try:
                yield
            finally:
                self._console = None


def _line(label: str, parts: Sequence[StepReport]) -> str:
    """For example ``prefilter   102 pages -> 99   3 dropped: same_page_content   1.5 s``."""
    counted_parts = [one for one in parts if one.counts is not None]
    seconds = f"{sum(one.seconds for one in parts):.1f} s"
    if not counted_parts:
        return f"{label}   {seconds}"
    first, last = counted_parts[0].step, counted_parts[-1].step
    total = counted_parts[0].counts or Counts()
    reasons: Counter[str] = Counter(counted_parts[0].reasons)
    for one in counted_parts[1:]:
        total = total.then(one.counts or Counts())
        reasons.update(one.reasons)
    rows_out = f"{total.rows_out:,}" if first.unit_in == last.unit_out else counted(total.rows_out, last.unit_out)
    columns = [label, f"{counted(total.rows_in, first.unit_in)} -> {rows_out}"]
    if total.dropped:
        columns.append(f"{total.dropped:,} dropped{_why(reasons)}")
    if total.not_sampled:
        columns.append(f"{total.not_sampled:,} not sampled")
    return "   ".join([*columns, seconds])


def _why(reasons: Counter[str]) -> str:
    """The reasons, with their numbers where there are several."""
    if len(reasons) < 2:
        return "".join(f": {reason}" for reason in reasons)
    named = [f"{reason} {count:,}" for reason, count in reasons.most_common(_REASONS)]
    return f": {', '.join(named)}{', ...' if len(reasons) > _REASONS else ''}"


class _Bar:
    """A running step; several threads may read it."""

    def __init__(self, step: Step, total: int | None) -> None:
        self.label, self.status = _LABELS.get(step.label, step.label), Status(step.unit_in, total)
        self._started = time.perf_counter()

    def advance(self, shard: Counts, kept: bool = False) -> None:
        """Count one more finished shard."""
        self.status.add(shard, kept)

    def done(self) -> int:
        """Rows done."""
        return self.status.done(ACTIVITY.now())

    def line(self) -> str:
        """The step and its state."""
        return f"{self.label}: {self.status.text(ACTIVITY.now(), time.perf_counter() - self._started)}"

    def live(self) -> str:
        """The state of the step for a bar, which shows its share already."""
        return self.status.live(ACTIVITY.now(), time.perf_counter() - self._started)

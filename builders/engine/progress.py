"""Progress: a live bar or a line per step on stderr, and a JSON object per step on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.step import Step
from nyxqa.builders.formatting import counted

if TYPE_CHECKING:
    from nyxqa.builders.engine.step import StepReport


class Bar(Protocol):
    """The live display of one step."""

    def advance(self, shard: Counts) -> None:
        """Show that one more shard is finished."""
        ...


class Progress:
    """Reports what a run does.

    :param as_json: Whether finished steps are written to stdout as JSON objects.
    """

    def __init__(self, as_json: bool = False) -> None:
        self._json = as_json
        self._live = sys.stderr.isatty()

    @contextmanager
    def stage(self, step: Step) -> Iterator[Bar]:
        """A bar while the step runs: input rows, their rate and the number dropped."""
        from tqdm import tqdm

        with tqdm(desc=step.label, unit=f" {step.unit_in or 'step'}", disable=not self._live, leave=False) as bar:
            yield _LiveBar(bar)

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
        """Write one line for people to stderr."""
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def _summary(step: Step, counts: Counts) -> str:
    """For example ``102 rows -> 102 pages, 3 dropped``."""
    skipped = f", {counts.not_sampled:,} not sampled" if counts.not_sampled else ""
    rows_in, rows_out = counted(counts.rows_in, step.unit_in), counted(counts.rows_out, step.unit_out)
    return f"{rows_in} -> {rows_out}, {counts.dropped:,} dropped{skipped}"


class _LiveBar:
    def __init__(self, bar: object) -> None:
        self._bar = bar
        self._dropped = 0

    def advance(self, shard: Counts) -> None:
        self._dropped += shard.dropped
        self._bar.update(shard.rows_in)  # type: ignore[attr-defined]
        self._bar.set_postfix(dropped=self._dropped)  # type: ignore[attr-defined]

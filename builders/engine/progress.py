"""Progress on stderr, one live bar a step or plain lines, and one JSON object a step on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.step import Step

if TYPE_CHECKING:
    from nyxqa.builders.engine.step import StepReport


class Bar(Protocol):
    """The live display of one step."""

    def advance(self, shard: Counts) -> None:
        """Show that one more shard is done."""
        ...


class Progress:
    """Shows what a run does.

    :param as_json: Whether finished steps go to stdout as JSON objects.
    """

    def __init__(self, as_json: bool = False) -> None:
        self._json = as_json
        self._live = sys.stderr.isatty()

    @contextmanager
    def stage(self, step: Step) -> Iterator[Bar]:
        """A bar while the step works: rows, rate and dropped."""
        from tqdm import tqdm

        with tqdm(desc=step.label, unit=f" {step.unit_in or 'step'}", disable=not self._live, leave=False) as bar:
            yield _LiveBar(bar)

    def finished(self, report: StepReport) -> None:
        """Say that a step is over; one that looks at everything at once has no numbers but its seconds."""
        counts = report.counts
        if self._json:
            line = {"step": report.step.name, "split": report.step.split, **({} if counts is None else asdict(counts))}
            print(json.dumps({**line, "seconds": round(report.seconds, 3)}), flush=True)  # noqa: T201
        moved = (
            ""
            if counts is None
            else f"{counts.rows_in} {report.step.unit_in} in, {counts.rows_out} {report.step.unit_out} out, "
            f"{counts.dropped} dropped, "
        )
        self.say(f"{report.step.label}: {moved}{report.seconds:.1f} s")

    def result(self, name: str, value: Mapping[str, object]) -> None:
        """The last object: what came of it all."""
        if self._json:
            print(json.dumps({name: value}), flush=True)  # noqa: T201

    def say(self, line: str) -> None:
        """One line for people."""
        print(line, file=sys.stderr, flush=True)  # noqa: T201


class _LiveBar:
    def __init__(self, bar: object) -> None:
        self._bar = bar
        self._dropped = 0

    def advance(self, shard: Counts) -> None:
        self._dropped += shard.dropped
        self._bar.update(shard.rows_in)  # type: ignore[attr-defined]
        self._bar.set_postfix(dropped=self._dropped)  # type: ignore[attr-defined]

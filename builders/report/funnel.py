"""The funnel of a build: its stages in numbers, out of the steps that it finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.trace import TracedStep
from nyxqa.builders.formatting import counted
from nyxqa.schemas.manifest import StageEntry


def joined_stages(steps: Sequence[TracedStep]) -> list[StageEntry]:
    """One entry for each stage and split, its steps joined; a stage of which no step keeps an account has none."""
    # What a stage prepares, uncounted, may be done before the stages in front of it.
    kept = [step for step in steps if step.counts is not None]
    stages: dict[tuple[str, str], list[TracedStep]] = {(step.stage, step.split): [] for step in kept}
    for step in steps:
        if (step.stage, step.split) in stages:
            stages[step.stage, step.split].append(step)
    return [_entry(own) for own in stages.values()]


def emptied(stages: Sequence[StageEntry]) -> list[StageEntry]:
    """The stages that took the last rows of their split."""
    return [entry for entry in stages if entry.rows_in and not entry.rows_out]


def counts_line(stages: Sequence[StageEntry], split: str) -> str:
    """For example ``17 pages -> 8 pages (prefilter) -> 0 documents (chunk)``, with the stages of all splits first."""
    own = [entry for entry in stages if entry.split in ("", split)]
    if not own:
        return ""
    first = [counted(own[0].rows_in, own[0].unit_in)]
    return " -> ".join(first + [f"{counted(entry.rows_out, entry.unit_out)} ({entry.name})" for entry in own])


def _entry(steps: Sequence[TracedStep]) -> StageEntry:
    kept = [step for step in steps if step.counts is not None]
    total = kept[0].counts or Counts()
    for step in kept[1:]:
        total = total.then(step.counts or Counts())
    last = kept[-1]
    return StageEntry(
        name=last.stage,
        split=last.split,
        fingerprint=last.fingerprint,
        unit_in=kept[0].unit_in,
        unit_out=last.unit_out,
        seconds=round(sum(step.seconds for step in steps), 3),
        **asdict(total),
    )

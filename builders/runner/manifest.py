"""The manifest's stage entries out of the reports of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.run import StepReport
from nyxqa.builders.engine.step import Step
from nyxqa.schemas.manifest import StageEntry


def stage_entries(
    reports: Sequence[StepReport], splits: Mapping[str, Step], counts: Mapping[str, Mapping[str, Any]]
) -> list[StageEntry]:
    """One entry for each stage and split, its steps joined; stage ``assemble`` has its counts from the tables."""
    # What a stage prepares, uncounted, may be done before the stages in front of it.
    counted = [report for report in reports if report.counts is not None]
    stages: dict[tuple[str, str], list[StepReport]] = {(one.step.stage, one.step.split): [] for one in counted}
    for report in reports:
        stages.setdefault((report.step.stage, report.step.split), []).append(report)
    seconds = sum(report.seconds for report in stages.pop(("assemble", ""), []))
    # A recipe without pages has nothing of stage ``filter`` but the benchmark's index.
    entries = [_entry(steps) for steps in stages.values() if any(one.counts is not None for one in steps)]
    for split, step in splits.items():
        entries.append(_numbers(step, step, Counts(**counts[split]), seconds / len(splits)))
    return entries


def _entry(steps: Sequence[StepReport]) -> StageEntry:
    counted = [report for report in steps if report.counts is not None]
    total = counted[0].counts or Counts()
    for report in counted[1:]:
        total = total.then(report.counts or Counts())
    return _numbers(counted[0].step, counted[-1].step, total, sum(report.seconds for report in steps))


def _numbers(first: Step, last: Step, counts: Counts, seconds: float) -> StageEntry:
    return StageEntry(
        name=last.stage,
        split=last.split,
        fingerprint=last.fingerprint,
        unit_in=first.unit_in,
        unit_out=last.unit_out,
        rows_in=counts.rows_in,
        parents=counts.parents,
        dropped=counts.dropped,
        not_sampled=counts.not_sampled,
        rows_out=counts.rows_out,
        seconds=round(seconds, 3),
    )

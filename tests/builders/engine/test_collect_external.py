"""Observations: gathered once, outside the step, and anew only on request."""

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.progress import Bar
from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.engine.step import Step
from nyxqa.builders.engine.workdir import begin_generation, generation
from tests.support.ingest import make_run

STEP = Step("images/fetch", 1, unit_in="URL", unit_out="URL")


def test_a_stopped_observation_goes_on_and_a_finished_one_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def collect_external(bar: Bar) -> Counts:
        calls.append(bar)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return Counts(3, 2, 1, 0, 2)

    with pytest.raises(KeyboardInterrupt):
        make_run(tmp_path).collect_external(STEP, collect_external)
    for _ in range(2):
        run = make_run(tmp_path)
        parts = run.collect_external(STEP, collect_external)
        assert (parts.files(), parts.ledgers()) == ([], [])
        assert [report.counts for report in run.reports] == [None]
    assert len(calls) == 2
    assert capsys.readouterr().err.startswith("images/fetch   3 URLs -> 2   1 dropped")


def test_generations_are_kept_by_name(tmp_path: Path) -> None:
    assert PlannedRun(tmp_path).generation("source") == 0
    assert PlannedRun(tmp_path, {"source"}).generation("source") == 1
    assert PlannedRun(tmp_path, {"source"}).generation("other") == 0
    begin_generation(tmp_path, "source")
    assert [generation(tmp_path, name) for name in ("source", "other")] == [1, 0]
    assert make_run(tmp_path).generation("source") == 1
    assert PlannedRun(tmp_path, {"source"}).generation("source") == 2

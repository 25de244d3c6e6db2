from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import run
from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.runner import execute, plan

SETTINGS = {"text": [], "web.limit": 40, "synthesize.max_questions": 1}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[PlannedRun | WorkingRun]:
    """Every planned and every working run of a build."""
    seen: list[PlannedRun | WorkingRun] = []
    build = execute.build

    def noted(run: Any, *arguments: Any) -> Any:
        seen.append(run)
        return build(run, *arguments)

    monkeypatch.setattr(execute, "build", noted)
    monkeypatch.setattr(plan, "build", noted)
    return seen


def test_a_build_is_planned_once_and_runs_as_planned(tmp_path: Path, runs: list[PlannedRun | WorkingRun]) -> None:
    for options in ({}, {"rescan": True}):
        runs.clear()
        assert run("train", out=tmp_path, workers=1, settings=SETTINGS, **options).changed  # type: ignore[arg-type]
        planned, working = runs
        assert isinstance(planned, PlannedRun)
        assert isinstance(working, WorkingRun)
        assert [step.fingerprint for step in planned.steps] == [r.step.fingerprint for r in working.reports]
    runs.clear()
    assert not run("train", out=tmp_path, workers=1, settings=SETTINGS).changed
    assert [type(one) for one in runs] == [PlannedRun]

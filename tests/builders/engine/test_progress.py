from __future__ import annotations

import json

import pytest

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import Step, StepReport

SOURCE = Step("source", 1, unit_in="row", unit_out="page")


@pytest.mark.parametrize(
    ("step", "counts", "line"),
    [
        (SOURCE, Counts(105, 102, 3, 0, 102), "source: 105 rows -> 102 pages, 3 dropped, 0.1 s"),
        (SOURCE, Counts(1, 1, 0, 0, 1), "source: 1 row -> 1 page, 0 dropped, 0.1 s"),
        (
            Step("sample", 1, split="train", unit_in="document", unit_out="document"),
            Counts(2000, 500, 0, 1500, 500),
            "sample train: 2,000 documents -> 500 documents, 0 dropped, 1,500 not sampled, 0.1 s",
        ),
        (Step("passages.vital/index", 1), None, "passages.vital/index: 0.1 s"),
    ],
)
def test_a_finished_step_is_one_line(
    step: Step, counts: Counts | None, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Progress().finished(StepReport(step, counts, 0.11))
    assert capsys.readouterr() == ("", f"{line}\n")


def test_a_finished_step_is_also_a_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(as_json=True)
    progress.finished(StepReport(SOURCE, Counts(105, 102, 3, 0, 102), 0.11))
    progress.result("build", {"changed": True})
    step, result = map(json.loads, capsys.readouterr().out.splitlines())
    assert step == {
        "step": "source",
        "split": "",
        "rows_in": 105,
        "parents": 102,
        "dropped": 3,
        "not_sampled": 0,
        "rows_out": 102,
        "seconds": 0.11,
    }
    assert result == {"build": {"changed": True}}

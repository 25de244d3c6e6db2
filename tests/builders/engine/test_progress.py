from __future__ import annotations

import io
import json
import sys
import time

import pytest

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.activity import ACTIVITY
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


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_a_running_step_is_shown_while_its_shard_is_unfinished(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    progress, deadline = Progress(interval=0.01), time.monotonic() + 30
    with progress.stage(Step("synthesize", 1, split="train", unit_in="document"), total=9):
        ACTIVITY.sent()
        ACTIVITY.ended(70)
        list(ACTIVITY.counted("abc"))
        while "3 of 9 documents" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
        progress.say("a line [with brackets]")
    assert "synthesize train" in stream.getvalue()
    assert "3 of 9 documents, 1 request done, 0 in flight, 0 failed, 70 tokens" in stream.getvalue()
    assert " s left" in stream.getvalue()
    assert "a line [with brackets]\n" in stream.getvalue()

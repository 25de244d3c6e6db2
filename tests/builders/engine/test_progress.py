from __future__ import annotations

import io
import json
import re
import sys
import time

import pytest

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import Step, StepReport

SOURCE = Step("source", 1, unit_in="row", unit_out="page")


PREFILTER = Step("prefilter", 1, unit_in="page", unit_out="page")
SAMPLE = Step("sample", 1, split="train", unit_in="document", unit_out="document")
REFINE = Step("refine", 1, split="train", unit_in="question", unit_out="question")


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (StepReport(SOURCE, Counts(1, 1, 0, 0, 1), 0.11), "source   1 row -> 1 page   0.1 s"),
        (
            StepReport(
                Step("prefilter", 1, unit_in="page", unit_out="page"), Counts(102, 99, 3, 0, 99), 1.52, {"same": 3}
            ),
            "prefilter   102 pages -> 99   3 dropped: same   1.5 s",
        ),
        (
            StepReport(SAMPLE, Counts(2000, 500, 0, 1500, 500), 0.11),
            "sample train   2,000 documents -> 500   1,500 not sampled   0.1 s",
        ),
        (
            StepReport(REFINE, Counts(90, 50, 40, 0, 50), 2.0, {"a": 20, "b": 15, "c": 4, "d": 1}),
            "refine train   90 questions -> 50   40 dropped: a 20, b 15, c 4, ...   2.0 s",
        ),
    ],
)
def test_a_finished_stage_is_one_line(report: StepReport, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    Progress().finished(report)
    assert capsys.readouterr() == ("", f"{line}\n")


def test_parts_of_a_stage_are_joined_into_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    rules = Step("refine/rules", 1, split="train", unit_in="question", unit_out="question")
    reports = [
        StepReport(rules, Counts(90, 80, 10, 0, 80), 1.0, {"short": 10}),
        StepReport(Step("refine/repeated", 1, split="train"), None, 0.5),
        StepReport(REFINE, Counts(80, 75, 5, 0, 75), 1.0, {"repeated": 5}),
    ]
    progress = Progress()
    for report in reports:
        progress.finished(report)
    assert capsys.readouterr().err == "refine train   90 questions -> 75   15 dropped: short 10, repeated 5   2.5 s\n"
    verbose = Progress(verbose=True)
    for report in reports:
        verbose.finished(report)
    assert capsys.readouterr().err.splitlines() == [
        "refine/rules train   90 questions -> 80   10 dropped: short   1.0 s",
        "refine/repeated train   0.5 s",
        "refine train   80 questions -> 75   5 dropped: repeated   1.0 s",
    ]


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
        shown = "3/9 documents" if stream.isatty() else "3 of 9 documents"
        while shown not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
        progress.say("a line [with brackets]")
    assert "synthesize train" in stream.getvalue()
    told = stream.getvalue()
    if stream.isatty():
        state = "3/9 documents \u00b7 1 request, 0 in flight, 0 failed \u00b7 0.00 M tokens \u00b7 "
        assert re.search(re.escape(state) + r"\d\d:\d\d<\d\d:\d\d", told)
        assert " 33 %" in told
    else:
        assert "3 of 9 documents, 1 request, 0 failed, 0 in flight, 70 tokens, " in told
        assert " s left" in told
    assert "a line [with brackets]\n" in stream.getvalue()

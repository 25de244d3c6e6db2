"""Long commands say what they are doing: bars on a terminal, lines elsewhere, nothing in a program."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest

from nyxqa.schemas.live import clock, display, task


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def wait_for(stream: io.StringIO, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in stream.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_nested_tasks_are_one_line_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with display(interval=0.01), task("training signal") as outer:
        outer.note("fold 2 of 5, shuffled")
        with task(total=5, unit="epoch") as inner:
            inner.advance(3)
            wait_for(stream, "epoch 3")
    assert "training signal: fold 2 of 5, shuffled, epoch 3 of 5\n" in stream.getvalue()


def test_a_bar_has_its_total_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("TERM", "xterm")
    with display(), task("train [x]", 115, "step") as bar:
        bar.note("loss 0.63")
        bar.advance(41)
        wait_for(stream, "41/115 steps")
    assert "train [x]" in stream.getvalue()
    assert re.search("41/115 steps \u00b7 loss 0.63 \u00b7 \\d\\d:\\d\\d<\\d\\d:\\d\\d", stream.getvalue())


def test_without_a_display_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with task("quiet", 2, "row") as one:
        one.advance()
    assert capsys.readouterr() == ("", "")
    with display(interval=0.001):
        time.sleep(0.02)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("seconds", "text"), [(0, "00:00"), (17.4, "00:17"), (600, "10:00"), (3725, "1:02:05")])
def test_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text

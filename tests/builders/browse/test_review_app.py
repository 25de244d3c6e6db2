"""The review app, by keyboard, in a real Chromium: what it writes, hides and tells, and what a kill leaves."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nyxqa.builders.browse.commands import review, status
from nyxqa.builders.browse.judging.queue import QueueOptions
from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from nyxqa.schemas.verdicts import read_reviews, verdict_file
from tests.support.browse_server import served
from tests.support.chromium import Chromium
from tests.support.format_1 import copy_of_format_1
from tests.support.published import table
from tests.support.running import command, environment, nyxqa
from tests.support.verdicts import line, write_verdicts

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def data(built_sample: Path, tmp_path: Path) -> Path:
    out = tmp_path / "out"
    shutil.copytree(built_sample, out, ignore=shutil.ignore_patterns(".work"))
    return out


def lines(data: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(one) for one in verdict_file(data, name).read_text().splitlines()]


def at(page: Page, place: int) -> None:
    """Wait until the row at a place of the queue is shown."""
    page.wait_for_selector(f"#row[data-place='{place}'] .doc")


def test_every_key_does_what_the_help_says(data: Path, chromium: Chromium) -> None:
    with served(data, "anna", QueueOptions(sample=8)) as running, chromium.visit(running.url) as visit:
        page, session = visit.page, running.session
        assert session is not None
        at(page, 0)
        page.keyboard.press("?")
        assert page.is_visible("#help")
        page.keyboard.press("Escape")
        assert page.is_hidden("#help")
        page.keyboard.press("2")
        assert page.locator(".relevant").count() == 1
        page.keyboard.press("1")
        page.keyboard.press("1")  # a second time takes the mark back
        page.keyboard.press("a")
        at(page, 1)
        page.keyboard.press("r")
        page.keyboard.press("w")
        at(page, 2)
        page.keyboard.press("n")
        page.keyboard.type("a and r are letters")
        page.keyboard.press("Escape")
        page.keyboard.press("s")
        at(page, 3)
        page.keyboard.press("j")
        at(page, 4)
        page.keyboard.press("k")
        at(page, 3)
        page.keyboard.press("z")
        assert page.locator(".zoomed .whole").first.is_visible()
        page.keyboard.press("a")
        at(page, 4)
        page.keyboard.press("u")
        at(page, 3)
        assert page.inner_text("#reviewed") == "3"
        assert page.inner_text("#message") == ""
        rows = [(row.key, session.row(place)) for place, row in enumerate(session.queue[:4])]
        written = lines(data, "anna")
        assert [(one["verdict"], one["reasons"], one["note"]) for one in written] == [
            ("accept", [], ""),
            ("reject", ["answer wrong"], ""),
            ("unsure", [], "a and r are letters"),
            ("accept", [], ""),
            ("undo", [], ""),
        ]
        assert written[0]["relevant"] == [rows[0][1]["negative_ids"][1]]
        for one, (key, row) in zip(written, rows, strict=False):
            assert (one["split"], one["dataset"], one["query_id"], one["seen"]) == (*key, row["row_hash"])
        assert (visit.foreign, visit.errors) == ([], [])


def test_others_are_hidden_until_ones_own_verdict_and_then_beside_it(data: Path, chromium: Chromium) -> None:
    options = QueueOptions(sample=6)
    with served(data, "ben", options) as running:
        assert running.session is not None
        rows = [(row.key, dict(running.session.row(place))) for place, row in enumerate(running.session.queue)]
    said = ["reject", "accept", "accept", "accept", "accept", "reject"]
    write_verdicts(
        data,
        "wilhelmina",
        *[line(row, one, key[0], note="wilhelmina's note") for (key, row), one in zip(rows, said, strict=True)],
    )
    with served(data, "ben", options) as running, chromium.visit(running.url) as visit:
        page = visit.page
        at(page, 0)
        for path in ("", "/review/row/0", "/review/conflicts", "/reviews", f"/row/{rows[0][1]['query_id']}"):
            if path:
                page.goto(running.access.origin + path)
            assert "wilhelmina" not in page.content(), path
        page.goto(f"{running.access.origin}/review")
        at(page, 0)
        for place in range(6):
            page.keyboard.press("a")
            at(page, min(place + 1, 5))
        page.wait_for_selector(".queue li.accept[data-place='5']")
        # She rejects two of six: they agree on four. Of twelve answers ten accept: 2 x 5/6 x 1/6 by chance.
        text = page.inner_text("#agreement")
        assert "agreement on 6 rows by two or more of 2 reviewers: raw 66.7 % (30.0 to 90.3)" in text
        assert f"Gwet's AC1 {(4 / 6 - 10 / 36) / (26 / 36):.2f} (" in text
        assert page.inner_text("#conflicts") == "2"
        page.goto(f"{running.access.origin}/review/conflicts")
        sides = page.locator(".sides")
        assert sides.count() == 2
        assert "wilhelmina's note" in sides.first.inner_text()
        assert "ben: accept" in sides.first.inner_text()


def test_the_page_says_when_a_verdict_was_not_written(data: Path, chromium: Chromium) -> None:
    with served(data, "anna", QueueOptions(sample=4)) as running, chromium.visit(running.url) as visit:
        page = visit.page
        at(page, 0)
        running.access.csrf = "another"
        page.keyboard.press("a")
        page.wait_for_selector("#message:not(:empty)")
        assert "not written (403)" in page.inner_text("#message")
        assert page.get_attribute("#row", "data-place") == "0"  # the row waits for its verdict
    assert lines(data, "anna") == []


@contextmanager
def reviewing(data: Path, name: str, sample: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``nyxqa review`` as a process, and the address that it prints."""
    arguments = command("review", data, "--as", name, "--sample", sample, "--no-open")
    process = subprocess.Popen(arguments, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def kills(data: Path, chromium: Chromium, rows: int, deaths: tuple[int, ...]) -> None:
    """Review so many rows by keyboard, with a kill -9 while the verdict of each place in ``deaths`` is on its way."""
    place, known = 0, 0
    for death in (*deaths, rows - 1):
        with reviewing(data, "anna", rows) as (process, url), chromium.visit(url) as visit:
            at(visit.page, place)
            while place < death:
                visit.page.keyboard.press("a" if place % 7 else "s")
                place += 1
                at(visit.page, place)
            known = place
            visit.page.keyboard.press("a")
            if death in deaths:
                process.send_signal(signal.SIGKILL)
                process.wait()
            else:
                visit.page.wait_for_selector(f".queue li.accept[data-place='{place}']")
        written = len(read_reviews([verdict_file(data, "anna")])["anna"])
        assert known <= written <= known + 1
        place = written


def test_a_kill_loses_at_most_the_verdict_on_its_way(data: Path, chromium: Chromium) -> None:
    kills(data, chromium, 12, (6,))
    assert len(read_reviews([verdict_file(data, "anna")])["anna"]) == 12


@pytest.mark.slow
def test_two_hundred_rows_by_keyboard_alone(data: Path, chromium: Chromium) -> None:
    started = time.monotonic()
    kills(data, chromium, 200, (3, 60, 61, 120, 199 - 1))
    assert len(read_reviews([verdict_file(data, "anna")])["anna"]) == 200
    print(f"200 rows and five kills: {time.monotonic() - started:.0f} s")  # noqa: T201


def test_one_name_reviews_in_one_session(data: Path) -> None:
    with (
        served(data, "anna", QueueOptions(sample=3)),
        pytest.raises(
            WorldError, match=r"anna\.jsonl is open in another nyxqa review; close that, or give another --as"
        ),
    ):
        review(data, "anna", QueueOptions(), open_window=False)


def test_status_tells_what_the_figures_are(data: Path) -> None:
    assert status(data).startswith("no verdict yet; begin with: nyxqa review")
    rows = table(data, "triplets", "train")
    for name, rejects in (("anna", 2), ("ben", 1)):
        own = [line(row, "reject" if place < rejects else "accept") for place, row in enumerate(rows)]
        write_verdicts(data, name, *own)
    done = nyxqa("review", data, "--status")
    assert done.returncode == 0, done.stderr
    count, told = len(rows), done.stdout.splitlines()
    assert told[0] == f"anna: {count} verdicts, {count - 2} accept, 2 reject, 0 unsure"
    assert told[2].startswith(f"train: {count - 2} of {count} drawn right: {100 * (count - 2) / count:.1f} % (")
    share = f"raw {100 * (count - 1) / count:.1f} % ("
    assert told[3].startswith(f"train: agreement on {count} rows by two or more of 2 reviewers: {share}")
    assert told[4:6] == ["train: 1 conflict", f"conflict: nyxqa train {rows[1]['query_id']}"]


def test_what_cannot_be_reviewed_is_told(data: Path) -> None:
    for name, where, message in (
        ("../anna", "", "a reviewer is named by up to 64 letters"),
        ("anna", "foo > 1", 'Referenced column "foo" not found'),
        ("anna", "false", "no row meets --split and --where"),
    ):
        with pytest.raises(UsageError, match=message):
            review(data, name, QueueOptions(where=where), open_window=False)
    done = nyxqa("review", data)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--as NAME is missing" in done.stderr


def test_a_dataset_of_an_earlier_format_is_refused(tmp_path: Path) -> None:
    out = copy_of_format_1(tmp_path / "out")
    with pytest.raises(FormatError, match="has format 1, and review needs 2; bring it up to date"):
        review(out, "anna", QueueOptions(), open_window=False)
    with served(out) as running:
        assert running.ask("/rows")[0] == running.ask("/")[0] == 200
        row = table(out, "triplets", "train")[0]
        assert running.ask(f"/row/{row['query_id']}")[0] == 200

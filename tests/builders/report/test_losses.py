from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.part_files import ledger_file
from nyxqa.builders.engine.shard import ledger_table, write_table
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.report.funnel import largest_loss
from tests.support.rows import finished


def ledger(folder: Path, stage: str, split: str, *drops: Drop) -> StepOutput:
    parts = folder / f"{stage}.{split}"
    write_table(ledger_file(parts, 0), ledger_table(drops, stage, split))
    return finished(parts)


def drops(kind: str, reason: str, count: int, detail: str = "") -> list[Drop]:
    found = [
        Drop("document", f"{reason}{index}", "p", reason, detail and f"{detail} {index}") for index in range(count)
    ]
    return [Drop(kind, drop.item_id, "p", reason, drop.detail) for drop in found]  # type: ignore[arg-type]


def told(folder: Path, parts: list[StepOutput], split: str) -> str:
    with database(folder) as db:
        return largest_loss(db, parts, split)


def test_the_stage_that_dropped_most_with_its_reasons_and_the_first_detail(tmp_path: Path) -> None:
    parts = [
        ledger(tmp_path, "source", "", *drops("row", "bad_row", 9, "no list")),
        ledger(
            tmp_path, "refine", "train", *drops("question", "too_long", 2), *drops("question", "broken", 3, "because")
        ),
        ledger(tmp_path, "verify", "train", *drops("question", "closed_book", 4, "x")),
        ledger(tmp_path, "refine", "test", *drops("question", "other", 20, "y")),
    ]
    assert told(tmp_path, parts, "train") == (
        "stage refine dropped most: 5 questions (broken 3, too_long 2), first detail: because 0"
    )
    assert told(tmp_path, parts, "validation") == (
        "stage source dropped most: 9 rows (bad_row 9), first detail: no list 0"
    )


def test_parts_of_items_that_live_on_are_no_drops(tmp_path: Path) -> None:
    parts = [
        ledger(tmp_path, "images", "", *drops("image", "dead_image", 9, "x"), *drops("page", "dead_image", 1, "y")),
        ledger(tmp_path, "source", "", *drops("page", "text_cleaned", 9, "z")),
        ledger(tmp_path, "import.mmeb", "", *drops("document", "dead_image", 9, "z")),
    ]
    assert told(tmp_path, parts, "").startswith("stage images dropped most: 1 page (dead_image 1)")
    assert told(tmp_path, [finished(tmp_path / "none")], "") == "no stage dropped anything"


@pytest.mark.parametrize(("detail", "again"), [("HTTP 500, 4 times", True), ("", False)])
def test_what_an_endpoint_failed_at_can_be_asked_again(tmp_path: Path, detail: str, again: bool) -> None:
    parts = [ledger(tmp_path, "synthesize", "train", *drops("document", "no_answer", 2, detail))]
    assert told(tmp_path, parts, "train").endswith("; --retry-failed asks the model again") is again

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.assembly.ledger import ledger_rows, tally
from nyxqa.builders.assembly.select import quota_of, select_questions, shortfall
from nyxqa.builders.engine.accounting import Counts, Drop
from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.part_files import ledger_file
from nyxqa.builders.engine.shard import ledger_table, write_table
from nyxqa.builders.stages.names import STAGES
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Filters, Recipe, SplitSection
from tests.support.rows import QUESTIONS, document, finished, parts_of, question

QUOTA = SplitSection(validation=2, test=1)


def selected(tmp_path: Path, recipe: Recipe, **splits: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Reason by question, counts and shortfall by split, and the ledger."""
    parts = {split: parts_of(tmp_path / split, QUESTIONS, rows) for split, rows in splits.items()}
    with database(tmp_path) as db:
        select_questions(db, parts, recipe)
        rows = db.execute("SELECT qa_id, reason FROM question").fetchall()
        counts = {split: tally(db, "question", "qa_id", split) for split in splits}
        lacks = {split: shortfall(db, recipe, split) for split in splits}
        ledger = list(ledger_rows(db, [], STAGES))
    return dict(rows), counts, lacks, ledger


def test_a_question_of_an_earlier_split_goes_before_quotas_are_cut(tmp_path: Path) -> None:
    reasons, counts, lacks, ledger = selected(
        tmp_path,
        Recipe(split=QUOTA),
        train=[question("t1", key="k1"), question("t2", key="k2")],
        validation=[question(f"v{i}", key=f"k{i}", order_key=i) for i in range(1, 6)],
        test=[
            question("e1", key="k3", order_key=0),
            question("e2", key="k5", order_key=1),
            question("e3", key="k9", order_key=2),
        ],
    )
    assert reasons == {
        "t1": None, "t2": None,
        "v1": "in_train", "v2": "in_train", "v3": None, "v4": None, "v5": "over_quota",
        "e1": "in_validation", "e2": None, "e3": "over_quota",
    }  # fmt: skip
    assert counts["validation"] == Counts(rows_in=5, parents=2, dropped=3, not_sampled=0, rows_out=2)
    assert counts["train"].dropped == 0
    assert lacks == {
        "train": {},
        "validation": {"single": 2, "multi": 2},
        "test": {"single": 1, "multi": 1},
    }
    assert [(row["split"], row["item_id"], row["reason"]) for row in ledger] == [
        ("test", "e1", "in_validation"), ("test", "e3", "over_quota"),
        ("validation", "v1", "in_train"), ("validation", "v2", "in_train"), ("validation", "v5", "over_quota"),
    ]  # fmt: skip
    assert {(row["stage"], row["item_type"]) for row in ledger} == {("assemble", "question")}
    assert ledger[0]["detail"] == "equal to question v3"


def test_quotas_are_per_kind_of_document_and_by_lot(tmp_path: Path) -> None:
    single = document("p", 0, "text", ["i" * 64])
    rows = [question(f"a{order_key}", order_key=order_key) for order_key in (9, 2, 5)]
    rows += [question(f"s{order_key}", order_key=order_key, document=single) for order_key in (2**64 - 1, 1, 2**63)]
    reasons, *_ = selected(tmp_path, Recipe(split=QUOTA), validation=rows)
    assert {name for name, reason in reasons.items() if reason is None} == {"a2", "a5", "s1", f"s{2**63}"}


def test_fractions_have_no_quota(tmp_path: Path) -> None:
    assert quota_of(Recipe(), "test") is None
    assert quota_of(Recipe(split=QUOTA), "train") is None
    reasons, _, lacks, _ = selected(tmp_path, Recipe(), validation=[question(f"a{i}") for i in range(9)])
    assert set(reasons.values()) == {None}
    assert lacks == {"validation": {}}


def test_conditions_of_the_recipe_drop_with_the_condition(tmp_path: Path) -> None:
    rows = [question("a", label=0), question("b", label=1, answer="it's")]
    recipe = Recipe(filters=Filters(qa=["label <> 1 OR answer = 'x'"]))
    reasons, *_, ledger = selected(tmp_path, recipe, train=rows)
    assert reasons == {"a": None, "b": "filter"}
    assert ledger[0]["detail"] == "label <> 1 OR answer = 'x'"
    off = Recipe(filters=Filters(enabled=False, qa=["label <> 1"]))
    assert set(selected(tmp_path, off, train=rows)[0].values()) == {None}


def test_a_condition_that_fails_on_a_row_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"filters\.qa: DuckDB refuses 'answer::INT > 1'"):
        selected(tmp_path, Recipe(filters=Filters(qa=["answer::INT > 1"])), train=[question("a")])


def test_the_ledger_is_in_the_order_of_the_stages(tmp_path: Path) -> None:
    for stage, folder in (("split", "a"), ("chunk", "b"), ("refine", "c")):
        drops = [Drop("page", item, "", "why", "x\ny") for item in ("q", "p")]
        write_table(ledger_file(tmp_path / folder, 0), ledger_table(drops, stage, ""))
    with database(tmp_path) as db:
        select_questions(db, {"train": parts_of(tmp_path / "train", QUESTIONS, [])}, Recipe())
        rows = list(ledger_rows(db, [finished(tmp_path / folder) for folder in "abc"], STAGES))
    assert [(row["stage"], row["item_id"]) for row in rows] == [
        ("chunk", "p"), ("chunk", "q"), ("split", "p"), ("split", "q"), ("refine", "p"), ("refine", "q"),
    ]  # fmt: skip
    assert {row["detail"] for row in rows} == {"x y"}

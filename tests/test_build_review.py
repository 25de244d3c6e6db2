"""Builds over human verdicts: what leaves, what changes, and what stays as it was."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import run
from nyxqa.builders.check.structure import check
from nyxqa.builders.publish.card import render_card
from nyxqa.schemas.errors import FormatError, LawError
from nyxqa.schemas.ids import row_hash
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.recipe_types import SplitName
from tests.support.pages import RECIPE, many_pages, write_source
from tests.support.published import table
from tests.support.running import published, states
from tests.support.sets import TEXTS, write_passages, write_questions, write_text
from tests.support.verdicts import line, write_verdicts

Row = dict[str, Any]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages and a question set with train and validation."""
    folder = tmp_path_factory.mktemp("reviewed")
    write_passages(folder)
    write_questions(folder)
    write_source(folder, many_pages(60))
    return write_text(folder / "recipe.toml", RECIPE + TEXTS)


@pytest.fixture(scope="module")
def built(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "out"
    build(recipe, out)
    return out


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    """A copy of the build with its work folder."""
    shutil.copytree(built, tmp_path / "out", copy_function=shutil.copy2)
    return tmp_path / "out"


def build(recipe: Path, out: Path, split: SplitName = "all", **settings: Any) -> None:
    run(split, recipe=recipe, out=out, workers=1, settings={f"review.{key}": value for key, value in settings.items()})


def rows_of(out: Path, dataset: str, split: str = "train") -> list[Row]:
    return [row for row in table(out, "triplets", split) if row["dataset"] == dataset]


def by_id(out: Path, split: str = "train") -> dict[str, Row]:
    return {row["query_id"]: row for row in table(out, "triplets", split)}


def ledger(out: Path) -> list[Row]:
    return [row for row in table(out, "ledger") if row["stage"] == "review"]


def steps(out: Path) -> set[Path]:
    """Folders of finished steps: STAGE.PART.SPLIT/FINGERPRINT."""
    work = out / ".work" / "steps"
    return {file.parent.relative_to(work) for file in work.rglob("done.json")}


def test_rejected_rows_leave_and_all_else_stays(
    recipe: Path, built: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (web, kept, changed, *_), lakes = rows_of(out, "nyxqa"), rows_of(out, "lakes")
    gone = {**web, "query_id": "0" * 32}
    rejected = [line(web, "reject", reasons=["wrong", "answer"]), line(lakes[0], "reject")]
    others = [line(kept, "unsure"), line(changed, "reject", seen="f" * 32), line(gone, "reject")]
    lines = [*rejected, *others, *(line(row, "accept") for row in lakes[1:20])]
    write_verdicts(out, "anna", *lines)
    write_verdicts(out, "ben", *(line(row, "accept") for row in lakes[:20]))
    write_verdicts(out, "carl", line(lakes[0], "reject"))
    build(recipe, out, conflict="drop")
    check_rejected(built, out, web, lakes[0])
    check_figures(out, kept)
    assert "review train: 2 verdicts on rows that have changed since" in capsys.readouterr().err
    made = {step.parent.name for step in steps(out) - steps(built)}
    assert made == {"review.train", "review.figures.train", "assemble.tables"}  # nothing else is done again
    # The same verdicts again, in another order and at another time, do nothing.
    before = states(out / "data"), (out / "manifest.json").read_bytes()
    again = [line(web, "reject", reasons=["answer", "wrong"], note="later", at="2026-03-01T00:00:00Z")]
    write_verdicts(out, "anna", *lines[::-1], *again)
    build(recipe, out, conflict="drop")
    assert (states(out / "data"), (out / "manifest.json").read_bytes()) == before
    # Without the files there is no stage, and the dataset is what it was.
    build(recipe, out, files=[])
    assert read_manifest(out).files == read_manifest(built).files
    assert "review" not in {entry.name for entry in read_manifest(out).stages}


def check_rejected(built: Path, out: Path, web: Row, lake: Row) -> None:
    """The two rows are gone, the ledger says why, and no byte of another split has changed."""
    assert {web["query_id"], lake["query_id"]} == by_id(built).keys() - by_id(out).keys()
    assert web["query_id"] not in {row["qa_id"] for row in table(out, "qa", "train")}
    dropped = {row["item_id"]: (row["item_type"], row["reason"], row["detail"]) for row in ledger(out)}
    assert dropped == {
        web["query_id"]: ("question", "reviewed_out", "rejected by 1 of 1 reviewer: answer, wrong"),
        lake["query_id"]: ("question", "reviewed_out", "rejected by 2 of 3 reviewers"),
    }
    before, after = read_manifest(built).files, read_manifest(out).files
    same = {path for path in before if before[path] == after.get(path)}
    assert {path for path in before if "/validation-" in path or "/test-" in path} <= same
    assert check(out).failed == ()


def check_figures(out: Path, unsure: Row) -> None:
    """Counts of verdicts in the tables, and the figures in manifest and card."""
    rows = by_id(out)
    assert rows[unsure["query_id"]]["reviews"] == 1
    assert {one["qa_id"]: one["reviews"] for one in table(out, "qa", "train")}[unsure["query_id"]] == 1
    assert Counter(row["reviews"] for row in rows_of(out, "lakes")) == {2: 19, 0: len(rows_of(out, "lakes")) - 19}
    figures = read_manifest(out).summary["reviews"]["train"]
    assert {name: figures[name] for name in ("reviewers", "changed", "unsure", "conflicts")} == {
        "reviewers": 3,
        "changed": 2,
        "unsure": 1,
        "conflicts": 1,
    }
    card = render_card(read_manifest(out))
    # Weighted by dataset and kind: none of one web row is right, 19 of 20 of the lakes.
    assert f"| train | 19 of 21 drawn right: {100 * figures['drawn']['share']:.1f} % (" in card
    assert "agreement on 20 rows by two or more of 3 reviewers: raw " in card
    assert "| train | 1 conflict |" in card


def test_marked_negatives_leave_or_become_positives(recipe: Path, built: Path, out: Path) -> None:
    web, lakes = rows_of(out, "nyxqa")[1], rows_of(out, "lakes")
    positives = {one["doc_id"] for row in lakes for one in row["positives"]}
    positives |= {one["doc_id"] for row in rows_of(out, "lakes", "validation") for one in row["positives"]}
    doc = next(doc for row in lakes for doc in row["negative_ids"] if doc not in positives)
    naming = [(row, split) for split in ("train", "validation") for row in rows_of(out, "lakes", split)]
    marks = {web["query_id"]: (web, "train", web["negative_ids"][1])}
    marks |= {row["query_id"]: (row, split, doc) for row, split in naming if doc in row["negative_ids"]}
    lines = [line(row, "accept", split, relevant=[one]) for row, split, one in marks.values()]
    write_verdicts(out, "anna", *lines)
    build(recipe, out)
    for row, split, one in marks.values():
        left = by_id(out, split)[row["query_id"]]
        assert left["negative_ids"] == [other for other in row["negative_ids"] if other != one]
        assert (left["positives"], left["reviews"]) == (row["positives"], 1)
        entered = row_hash(row["query_id"], row["positive_id"], row["negative_ids"])
        assert left["row_hash"] == row["row_hash"] == entered  # a verdict still names the row as it entered
    notes = {(one["item_type"], one["item_id"], one["parent_id"], one["reason"]) for one in ledger(out)}
    assert notes == {("negative", f"{query}:{one}", query, "reviewed_relevant") for query, (*_, one) in marks.items()}
    # A passage that no row names any more leaves the pool.
    left_in_pool = {row["doc_id"] for row in table(out, "corpus", "lakes")}
    assert {row["doc_id"] for row in table(built, "corpus", "lakes")} - left_in_pool == {doc}
    assert check(out).failed == ()
    build(recipe, out, relevant="positive")
    for row, split, one in marks.values():
        added = by_id(out, split)[row["query_id"]]["positives"][len(row["positives"]) :]
        place = row["negative_ids"].index(one)
        known = {"doc_id": one, "rank": row["negative_ranks"][place], "score": row["negative_scores"][place]}
        assert added == [{**known, "origin": "reviewed"}]
    assert ledger(out) == []
    assert check(out).failed == ()


def test_order_of_verdicts_files_and_workers_decides_nothing(recipe: Path, built: Path, tmp_path: Path) -> None:
    rows = [*rows_of(built, "nyxqa")[:6], *rows_of(built, "lakes")[:6]]
    anna = [line(row, "reject" if place % 3 else "accept", note=str(place)) for place, row in enumerate(rows)]
    late = "2026-02-01T00:00:00Z"
    anna += [line(rows[1], "accept", relevant=rows[1]["negative_ids"][:1], at=late), line(rows[2], "undo", at=late)]
    ben = [line(row, "reject", reasons=["a", "b"]) for row in rows[4:]]

    def made(name: str, workers: int, first: tuple[str, list[str]], second: tuple[str, list[str]]) -> dict[str, str]:
        out = tmp_path / name
        shutil.copytree(built, out, copy_function=shutil.copy2)
        for reviewer, lines in (first, second):
            write_verdicts(out, reviewer, *lines)
        run("all", recipe=recipe, out=out, workers=workers)
        return published(out)

    one = made("one", 1, ("anna", anna), ("ben", ben))
    assert made("two", 2, ("zoe", ben[::-1]), ("carl", anna[::-1])) == one


def test_verdicts_on_other_splits_do_not_make_them_stale(recipe: Path, out: Path, tmp_path: Path) -> None:
    rejected, accepted = rows_of(out, "nyxqa", "validation")[:2]
    write_verdicts(out, "anna", line(accepted, "accept", "validation"))
    file = tmp_path / "others" / "carl.jsonl"
    file.parent.mkdir()
    file.write_text(line(rejected, "reject", "validation"))
    build(recipe, out, "train", files=["review/*.jsonl", str(file)])
    rows = by_id(out, "validation")
    assert rejected["query_id"] not in rows
    assert rows[accepted["query_id"]]["reviews"] == 1
    assert str(tmp_path) not in json.dumps(read_manifest(out).recipe)


def test_what_stops_a_build_publishes_nothing(recipe: Path, built: Path, out: Path) -> None:
    row = rows_of(out, "lakes")[0]
    write_verdicts(out, "anna", line(row, "reject"))
    write_verdicts(out, "ben", line(row, "accept"))
    with pytest.raises(LawError, match=f"contradict each other on lakes train {row['query_id']}: 1 accept it, 1 rej"):
        build(recipe, out, conflict="error")
    write_verdicts(out, "anna", line(row, "reject"), '{"verdict": "no"}\n')
    with pytest.raises(FormatError, match=r"review/anna\.jsonl line 2 is not a verdict: query_id is missing; mend"):
        build(recipe, out)
    assert published(out) == published(built)

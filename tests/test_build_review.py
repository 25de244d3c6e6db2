"""Builds over human verdicts: what leaves, what changes, and what stays as it was."""

from __future__ import annotations

import json
import shutil
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


def test_a_rejected_row_leaves_and_no_byte_of_other_splits_changes(recipe: Path, built: Path, out: Path) -> None:
    web, lake = rows_of(out, "nyxqa")[0], rows_of(out, "lakes")[3]
    write_verdicts(out, "anna", line(web, "reject", reasons=["wrong answer"]), line(lake, "reject"))
    build(recipe, out)
    assert {web["query_id"], lake["query_id"]} == by_id(built).keys() - by_id(out).keys()
    assert web["query_id"] not in {row["qa_id"] for row in table(out, "qa", "train")}
    dropped = {row["item_id"]: (row["item_type"], row["reason"], row["detail"]) for row in ledger(out)}
    assert dropped == {
        web["query_id"]: ("question", "reviewed_out", "rejected by 1 of 1 reviewer: wrong answer"),
        lake["query_id"]: ("question", "reviewed_out", "rejected by 1 of 1 reviewer"),
    }
    before, after = read_manifest(built).files, read_manifest(out).files
    same = {path for path in before if before[path] == after.get(path)}
    assert {path for path in before if "/validation-" in path or "/test-" in path} <= same
    assert check(out).failed == ()
    made = {step.parent.name for step in steps(out) - steps(built)}
    assert made == {"review.train", "review.figures.train", "assemble.tables"}  # nothing else is done again
    write_verdicts(out, "anna")
    build(recipe, out)
    assert published(out) == published(built)
    assert "review" not in {entry.name for entry in read_manifest(out).stages}


def test_marked_negatives_leave_or_become_positives(recipe: Path, out: Path) -> None:
    rows = [rows_of(out, "nyxqa")[1], rows_of(out, "lakes")[2]]
    marked = [row["negative_ids"][1] for row in rows]
    lines = [line(row, "accept", relevant=[doc]) for row, doc in zip(rows, marked, strict=True)]
    write_verdicts(out, "anna", *lines)
    build(recipe, out)
    for row, doc in zip(rows, marked, strict=True):
        left = by_id(out)[row["query_id"]]
        assert left["negative_ids"] == [one for one in row["negative_ids"] if one != doc]
        assert (left["positives"], left["reviews"], left["row_hash"]) == (row["positives"], 1, row["row_hash"])
    notes = {(one["item_type"], one["item_id"], one["parent_id"], one["reason"]) for one in ledger(out)}
    ids = [row["query_id"] for row in rows]
    assert notes == {
        ("negative", f"{query}:{doc}", query, "reviewed_relevant") for query, doc in zip(ids, marked, strict=True)
    }
    assert check(out).failed == ()
    build(recipe, out, relevant="positive")
    for row, doc in zip(rows, marked, strict=True):
        added = by_id(out)[row["query_id"]]["positives"][len(row["positives"]) :]
        known = {"doc_id": doc, "rank": row["negative_ranks"][1], "score": row["negative_scores"][1]}
        assert added == [{**known, "origin": "reviewed"}]
    assert ledger(out) == []
    assert check(out).failed == ()


def test_a_passage_that_no_row_names_any_more_leaves_the_pool(recipe: Path, built: Path, out: Path) -> None:
    rows = {split: rows_of(out, "lakes", split) for split in ("train", "validation")}
    positives = {one["doc_id"] for own in rows.values() for row in own for one in row["positives"]}
    doc = next(doc for row in rows["train"] for doc in row["negative_ids"] if doc not in positives)
    naming = [(row, split) for split, own in rows.items() for row in own if doc in row["negative_ids"]]
    write_verdicts(out, "anna", *[line(row, "accept", split, relevant=[doc]) for row, split in naming])
    build(recipe, out)
    left = {row["doc_id"] for row in table(out, "corpus", "lakes")}
    assert {row["doc_id"] for row in table(built, "corpus", "lakes")} - left == {doc}


def test_order_of_verdicts_files_and_workers_decides_nothing(recipe: Path, built: Path, tmp_path: Path) -> None:
    rows = [*rows_of(built, "nyxqa")[:6], *rows_of(built, "lakes")[:6]]
    anna = [line(row, "reject" if place % 3 else "accept", note=str(place)) for place, row in enumerate(rows)]
    late = "2026-02-01T00:00:00Z"
    anna += [line(rows[1], "accept", relevant=rows[1]["negative_ids"][:1], at=late), line(rows[2], "undo", at=late)]
    ben = [line(row, "reject", reasons=["a", "b"]) for row in rows[4:]]

    def made(name: str, workers: int, first: tuple[str, list[str]], second: tuple[str, list[str]]) -> dict[str, bytes]:
        out = tmp_path / name
        shutil.copytree(built, out, copy_function=shutil.copy2)
        for reviewer, lines in (first, second):
            write_verdicts(out, reviewer, *lines)
        run("all", recipe=recipe, out=out, workers=workers)
        return published(out)

    one = made("one", 1, ("anna", anna), ("ben", ben))
    assert made("two", 2, ("zoe", ben[::-1]), ("carl", anna[::-1])) == one


def test_the_same_verdicts_again_do_nothing(recipe: Path, out: Path) -> None:
    rows = rows_of(out, "nyxqa")[:3]
    lines = [line(row, "reject", reasons=["b", "a"]) for row in rows]
    write_verdicts(out, "anna", *lines)
    build(recipe, out)
    before, manifest = states(out / "data"), (out / "manifest.json").read_bytes()
    again = [line(row, "reject", reasons=["a", "b"], note="later", at="2026-03-01T00:00:00Z") for row in rows]
    write_verdicts(out, "anna", *lines, *again[::-1])
    build(recipe, out)
    assert (states(out / "data"), (out / "manifest.json").read_bytes()) == (before, manifest)


def test_verdicts_on_other_splits_do_not_make_them_stale(recipe: Path, built: Path, out: Path) -> None:
    row = rows_of(out, "nyxqa", "validation")[0]
    write_verdicts(out, "anna", line(row, "reject", "validation"))
    build(recipe, out, "train")
    assert row["query_id"] not in by_id(out, "validation")
    write_verdicts(out, "anna", line(row, "accept", "validation"))
    build(recipe, out, "train")
    assert by_id(out, "validation")[row["query_id"]]["reviews"] == 1


def test_verdicts_on_rows_that_changed_are_counted_and_not_applied(
    recipe: Path, built: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row, other = rows_of(out, "nyxqa")[:2]
    gone = {**row, "query_id": "0" * 32}
    stale = [line(row, "reject", seen="f" * 32), line(gone, "reject")]
    write_verdicts(out, "anna", *stale, line(other, "accept"))
    build(recipe, out)
    assert by_id(out).keys() == by_id(built).keys()
    assert read_manifest(out).summary["reviews"]["train"]["changed"] == 2
    assert "review train: 2 verdicts on rows that have changed since" in capsys.readouterr().err
    assert [one["reviews"] for one in (by_id(out)[row["query_id"]], by_id(out)[other["query_id"]])] == [0, 1]
    assert {one["qa_id"]: one["reviews"] for one in table(out, "qa", "train")}[other["query_id"]] == 1


def test_a_conflict_may_be_an_error_that_publishes_nothing(recipe: Path, built: Path, out: Path) -> None:
    row = rows_of(out, "lakes")[0]
    write_verdicts(out, "anna", line(row, "reject"))
    write_verdicts(out, "ben", line(row, "accept"))
    with pytest.raises(LawError, match=f"contradict each other on lakes train {row['query_id']}: 1 accept it, 1 rej"):
        build(recipe, out, conflict="error")
    assert published(out) == published(built)


def test_a_broken_line_is_named(recipe: Path, out: Path) -> None:
    write_verdicts(out, "anna", line(rows_of(out, "lakes")[0], "reject"), '{"verdict": "no"}\n')
    with pytest.raises(FormatError, match=r"review/anna\.jsonl line 2 is not a verdict: query_id is missing; mend"):
        build(recipe, out)


def test_the_card_says_how_many_drawn_rows_are_right(recipe: Path, out: Path) -> None:
    rows = rows_of(out, "lakes")[:20]
    write_verdicts(out, "anna", *[line(row, "reject" if place < 2 else "accept") for place, row in enumerate(rows)])
    write_verdicts(out, "ben", *[line(row, "reject" if place < 1 else "accept") for place, row in enumerate(rows)])
    build(recipe, out)
    card = render_card(read_manifest(out))
    total = len(by_id(out)) + 1
    other = total - 30
    # Of two who contradict each other neither is right: the row does not count as right.
    assert f"| train | 18 of 20 drawn right: 90.0 % (69.9 to 97.2); {other} rows of kinds of which none" in card
    assert "agreement on 20 rows by two or more of 2 reviewers: raw 95.0 %" in card


def test_row_hash_is_of_the_row_as_it_entered(recipe: Path, out: Path) -> None:
    row = rows_of(out, "lakes")[0]
    assert row["row_hash"] == row_hash(row["query_id"], row["positive_id"], row["negative_ids"])
    write_verdicts(out, "anna", line(row, "accept", relevant=row["negative_ids"][:2]))
    build(recipe, out)
    build(recipe, out)  # a verdict on what the published row no longer shows still holds
    changed = by_id(out)[row["query_id"]]
    assert changed["negative_ids"] == row["negative_ids"][2:]
    assert changed["row_hash"] == row["row_hash"]


def test_verdicts_of_further_files_count(recipe: Path, out: Path, tmp_path: Path) -> None:
    row = rows_of(out, "lakes")[0]
    file = tmp_path / "others" / "carl.jsonl"
    file.parent.mkdir()
    file.write_text(line(row, "reject"))
    build(recipe, out, files=["review/*.jsonl", str(file)])
    assert row["query_id"] not in by_id(out)
    assert str(tmp_path) not in json.dumps(read_manifest(out).recipe)
    build(recipe, out, files=[])
    assert row["query_id"] in by_id(out)

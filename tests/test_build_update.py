"""``nyxqa build --update``: pages were added, changed and removed, and what stands on the others stays."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import run
from nyxqa.builders.check.structure import check
from nyxqa.builders.report.changes import diff, diff_text
from nyxqa.cli import main
from nyxqa.schemas.errors import BudgetError, UsageError
from nyxqa.schemas.ids import qa_id
from nyxqa.schemas.manifest import read_manifest
from tests.support.changed_pages import (
    ADDED,
    CHANGED,
    GONE,
    LATER_IMAGES,
    Updated,
    page_ids,
    update,
    update_once,
)
from tests.support.evidence_model import EvidenceModel, facts_of
from tests.support.published import table
from tests.support.running import published, started, wait_for_none
from tests.support.vlm_server import VlmServer


@pytest.fixture(scope="module")
def updated(evidence_build: tuple[Path, EvidenceModel], tmp_path_factory: pytest.TempPathFactory) -> Updated:
    return update_once(evidence_build[0], tmp_path_factory.mktemp("updated"))


def splits_of(out: Path) -> dict[str, str]:
    return {row["page_id"]: row["split"] for row in table(out, "corpus", "web")}


def questions(out: Path, *splits: str) -> dict[str, dict[str, Any]]:
    return {row["qa_id"]: row for row in table(out, "qa", *splits)}


def pages_named(seen: list[tuple[str, str]]) -> set[int]:
    """Numbers of the pages that prompts speak of."""
    page_of = {fact.city: fact.page for number, count in LATER_IMAGES.items() for fact in facts_of(number, count)}
    return {page_of[word] for _, text in seen for word in re.findall(r"\w+", text) if word in page_of}


def test_no_page_changes_its_split_and_added_ones_go_to_train(updated: Updated) -> None:
    before, after = splits_of(updated.before), splits_of(updated.out)
    assert before.keys() - after.keys() == page_ids(GONE)
    assert after.keys() - before.keys() == page_ids(ADDED)
    assert {page: after[page] for page in before.keys() & after.keys()} == {
        page: split for page, split in before.items() if page in after
    }
    assert {after[page] for page in page_ids(ADDED)} == {"train"}
    assert {"train", "validation", "test"} <= {before[page] for page in page_ids(CHANGED | GONE)}


def test_the_model_is_asked_about_added_and_changed_pages_alone(updated: Updated) -> None:
    named = pages_named(updated.seen)
    assert named <= ADDED | CHANGED
    assert named & ADDED
    assert named & CHANGED
    before = {row["page_id"]: row["split"] for row in table(updated.before, "corpus", "web")}
    assert any(before[page] == "train" for page in page_ids(CHANGED))
    asked_for_questions = [text for name, text in updated.seen if name == "questions"]
    in_train = {number for number in CHANGED if before[next(iter(page_ids([number])))] == "train"}
    assert len(asked_for_questions) == len(in_train | ADDED)


def test_test_questions_keep_their_ids_or_retire_with_a_reason(updated: Updated) -> None:
    retired = {row["item_id"] for row in table(updated.out, "ledger") if row["item_type"] == "question"}
    for split in ("validation", "test"):
        before, after = questions(updated.before, split), questions(updated.out, split)
        assert after.keys() == before.keys() - retired
        for name in after:
            assert {**after[name], "doc_id": ""} == {**before[name], "doc_id": "", "evidence": after[name]["evidence"]}
    lost = questions(updated.before).keys() - questions(updated.out).keys()
    reasons = {row["item_id"]: row["reason"] for row in table(updated.out, "ledger") if row["stage"] == "update"}
    assert lost
    assert {reasons[name] for name in lost} == {"page_gone", "stale"}


def test_a_stale_question_holds_for_the_changed_document_or_retires(updated: Updated) -> None:
    before, after = questions(updated.before), questions(updated.out)
    moved = {name for name in before.keys() & after.keys() if before[name]["doc_id"] != after[name]["doc_id"]}
    assert moved
    assert {after[name]["page_id"] for name in moved} <= page_ids(CHANGED)
    documents = {row["doc_id"]: row["text"] for row in table(updated.out, "corpus", "web")}
    for name in moved:
        row = after[name]
        assert row["evidence"]["document"]["correct"]
        assert documents[row["doc_id"]].startswith("Lately")
        assert qa_id(row["question"], row["image_ids"], row["answer"], before[name]["doc_id"]) == name
    verified = [text for name, text in updated.seen if name == "answer" and "Lately" in text]
    assert verified
    kept = {row["parent_id"]: row for row in table(updated.out, "ledger") if row["item_type"] == "document"}
    assert kept.keys() == moved
    assert all(kept[name]["item_id"] == f"{name}:{before[name]['doc_id']}" for name in moved)


def test_negatives_stay_where_no_document_of_a_question_changed(updated: Updated) -> None:
    before = {row["query_id"]: row for row in table(updated.before, "triplets")}
    gone = {row["doc_id"] for row in table(updated.before, "corpus")}
    gone -= {row["doc_id"] for row in table(updated.out, "corpus")}
    after = {row["query_id"]: row for row in table(updated.out, "triplets")}
    same = {name for name, row in before.items() if not {row["positive_id"], *row["negative_ids"]} & gone}
    for name in same:
        assert {**after[name]} == before[name]
    for name in before.keys() & after.keys() - same:
        assert not {after[name]["positive_id"], *after[name]["negative_ids"]} & gone


def test_checks_hold_and_the_manifest_names_the_version_before(updated: Updated) -> None:
    assert check(updated.out).failed == check(updated.before).failed
    manifest = read_manifest(updated.out)
    assert manifest.parent == read_manifest(updated.before).fingerprint
    assert set(manifest.certificate.values()) == {0}
    (change,) = manifest.summary["changes"]
    assert change["pages"] == {"added": 10, "gone": 10, "changed": 10, "moved": 0, "same": 20}
    card = (updated.out / "README.md").read_text(encoding="utf-8")
    assert "## Changes" in card
    assert "- pages: +10, -10, 10 changed, 20 as before\n" in card
    assert not list((updated.out / ".work").glob("steps/update.parent/*/*.parquet"))


def test_the_same_update_again_does_nothing(updated: Updated) -> None:
    times = {path: path.stat().st_mtime_ns for path in updated.out.rglob("*") if path.is_file()}
    model = EvidenceModel(LATER_IMAGES)
    assert not update(updated.recipe, updated.out, model).changed
    assert model.seen == []
    unchanged = {path: path.stat().st_mtime_ns for path in times if path.name not in ("lock", "recipe.json")}
    assert unchanged == {path: times[path] for path in unchanged}


def test_a_folder_from_the_hub_is_updated_by_its_tables_alone(updated: Updated, tmp_path: Path) -> None:
    shutil.copytree(updated.before, tmp_path / "out", ignore=shutil.ignore_patterns(".work"))
    model = EvidenceModel(LATER_IMAGES)
    update(updated.recipe, tmp_path / "out", model)
    more = set(model.seen) - set(updated.seen)
    assert {name for name, _ in more} <= {"answer_closed", "answer"}  # what the work folder remembers of stale ones
    assert pages_named(model.seen) == pages_named(updated.seen)
    assert published(tmp_path / "out") == published(updated.out)


@pytest.mark.timeout(240)
def test_killed_and_resumed_it_asks_nothing_again(updated: Updated, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(updated.before, out)
    with VlmServer(reply=EvidenceModel(LATER_IMAGES), latency=0.02) as server:
        model = f"openai:model@{server.url}"
        arguments = ("build", "--update", "--recipe", updated.recipe, "--out", out, "--workers", 1, "--vlm", model)
        with started(*arguments) as process:
            until = time.monotonic() + 60
            while server.served < len(updated.seen) // 2 and time.monotonic() < until:
                time.sleep(0.005)
            process.kill()
            process.wait()
            assert wait_for_none(process.pid) == []
        assert published(out) == published(updated.before)
        run(recipe=updated.recipe, out=out, workers=1, settings={"vlm.model": model}, update=True)
        assert len(server.payloads) <= len(updated.seen) + 4  # as many as may be in flight
    assert published(out) == published(updated.out)


def test_a_budget_stops_it_and_the_published_version_stays(updated: Updated, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(updated.before, out)
    with pytest.raises(BudgetError):
        update(updated.recipe, out, EvidenceModel(LATER_IMAGES), **{"vlm.max_requests": 3})
    assert published(out) == published(updated.before)


def test_diff_says_what_changed_between_two_folders(updated: Updated, capsys: pytest.CaptureFixture[str]) -> None:
    found = diff(updated.before, updated.out)
    assert found["parent"] == found["old"] == read_manifest(updated.before).fingerprint
    assert found["pages"]["changed"] == 10
    lost = questions(updated.before).keys() - questions(updated.out).keys()
    assert sum(counts["gone"] for counts in found["questions"].values()) == len(lost)
    assert sum(count for reasons in found["retired"].values() for count in reasons.values()) == len(lost)
    assert "updated from the first" in diff_text(found, "a", "b")
    with pytest.raises(SystemExit) as ended:
        main(["diff", str(updated.out), str(updated.out)])
    assert ended.value.code == 0
    assert "the data are the same, byte for byte" in capsys.readouterr().out


def test_an_update_needs_something_published_and_pages(updated: Updated, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing is published in .* leave out --update"):
        update(updated.recipe, tmp_path / "none", EvidenceModel(LATER_IMAGES))
    with pytest.raises(SystemExit) as ended:
        main(["build", "--out", str(tmp_path / "none")])
    assert ended.value.code == 2

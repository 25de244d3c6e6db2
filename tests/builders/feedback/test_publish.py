"""Feedback as a part of the dataset: what a later build keeps of it, and who reads it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import nyxqa
from nyxqa.build import run
from nyxqa.builders.check.structure import check
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.export.export import export
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import FeedbackResult, feedback, relabel
from nyxqa.builders.publish.publish import complete_publishing
from nyxqa.builders.report.report import make_report
from nyxqa.builders.report.text import render
from nyxqa.builders.report.views import run_sql
from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.recipe_types import SplitName
from tests.support.oracle_model import oracle_of
from tests.support.published import table
from tests.support.running import leave, published
from tests.support.sets import TEXTS, lake_reply, write_passages, write_questions, write_text
from tests.support.vlm_server import VlmServer

REMOVED = "feedback is no longer published because the train split has changed"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_passages(tmp_path)
    write_questions(tmp_path)
    return write_text(tmp_path / "recipe.toml", TEXTS + "\n[mixture]\n")


def built(recipe: Path, out: Path, split: SplitName, **settings: Any) -> None:
    run(split, recipe=recipe, out=out, workers=1, settings=settings)


def asked(out: Path, **settings: Any) -> FeedbackResult:
    with VlmServer(reply=lake_reply) as server:
        order = FeedbackOptions("bm25", f"openai:m@{server.url}", settings=settings)
        return feedback(out, order, Progress())


def test_splits_one_after_the_other_give_the_same_as_all_at_once(recipe: Path, tmp_path: Path) -> None:
    """Also with passages that only feedback names."""
    built(recipe, tmp_path / "all", "all")
    asked(tmp_path / "all")
    out = tmp_path / "split by split"
    built(recipe, out, "train")
    asked(out)
    built(recipe, out, "validation")
    assert published(out) == published(tmp_path / "all")
    assert len(table(out, "feedback")) > 20
    assert check(out).failed == ()


def test_a_build_that_leaves_train_as_it_is_keeps_feedback(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(recipe, out, "train")
    asked(out, **{"feedback.threshold": 0.75})
    before, rows = published(out), table(out, "feedback")
    built(recipe, out, "train")
    assert published(out) == before
    built(recipe, out, "train", **{"mixture.caps": {"lakes": 3}})
    assert len(table(out, "mixture")) == 3
    assert table(out, "feedback") == rows
    assert read_manifest(out).recipe["feedback"]["threshold"] == 0.75


def test_a_build_of_another_train_split_unpublishes_it(
    recipe: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    built(recipe, out, "train")
    asked(out)
    write_text(recipe, recipe.read_text().replace('train.json"', 'train.json"\ncount = 12'))
    built(recipe, out, "train")
    assert REMOVED in capfd.readouterr().err
    assert "feedback" not in {path.split("/")[1] for path in read_manifest(out).files}
    assert "feedback" not in read_manifest(out).summary
    assert not [row for row in table(out, "ledger") if row["stage"] == "feedback"]
    named = {one for row in table(out, "triplets") for one in (row["positive_id"], *row["negative_ids"])}
    assert {row["doc_id"] for row in table(out, "corpus")} == named
    asked(out)
    assert table(out, "feedback")


def test_other_candidates_take_the_place_of_those_before(recipe: Path, tmp_path: Path) -> None:
    """Passages that only the earlier feedback named leave the corpus again."""
    for out, counts in (("direct", [3]), ("after more", [30, 3])):
        built(recipe, tmp_path / out, "train")
        for top_k in counts:
            asked(tmp_path / out, **{"feedback.top_k": top_k})
    assert published(tmp_path / "direct") == published(tmp_path / "after more")


def test_stopped_within_the_publication_it_is_completed(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    built(recipe, out, "train")
    asked(out)
    expected = published(out)
    relabel(out, FeedbackOptions(settings={"feedback.positives": "first", "feedback.drop": []}), Progress())
    assert published(out) != expected

    def stop(folder: Path, manifest: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nyxqa.builders.publish.publish.write_card", stop)
    with pytest.raises(KeyboardInterrupt):
        relabel(out, FeedbackOptions(), Progress())
    assert not (out / "manifest.json").exists()
    monkeypatch.undo()
    complete_publishing(out)
    assert published(out) == expected


def test_without_the_work_folder_labels_stay_but_cannot_be_made_anew(recipe: Path, tmp_path: Path) -> None:
    built(recipe, tmp_path / "out", "train")
    with pytest.raises(FormatError, match="has no feedback to relabel"):
        relabel(tmp_path / "out", FeedbackOptions(), Progress())
    asked(tmp_path / "out")
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "out", copy, ignore=shutil.ignore_patterns(".work"))
    assert len(nyxqa.load("feedback", copy, split="train")) > 20
    with pytest.raises(WorldError, match="holds no answers; make them with: nyxqa feedback"):
        relabel(copy, FeedbackOptions(settings={"feedback.positives": "first"}), Progress())


@pytest.mark.parametrize(
    ("order", "wrong"),
    [
        (FeedbackOptions("bm25"), "needs --retriever and --vlm"),
        (FeedbackOptions(None, "openai:m@http://127.0.0.1:9/v1"), "needs --retriever and --vlm"),
        (FeedbackOptions("bm25", "extractive"), "extractive only searches for words"),
        (FeedbackOptions("bm25", "gpt"), "is not a model"),
        (FeedbackOptions("word2vec", "openai:m@http://127.0.0.1:9/v1"), "unknown encoder"),
        (
            FeedbackOptions("bm25", "openai:m@http://127.0.0.1:9/v1", settings={"feedback.topk": 3}),
            "--set feedback.topk=3: unknown key; did you mean feedback.top_k",
        ),
        (
            FeedbackOptions("bm25", "openai:m@http://127.0.0.1:9/v1", settings={"chunk.max_tokens": 3}),
            "feedback has no such key",
        ),
        (
            FeedbackOptions("bm25", "openai:m@http://127.0.0.1:9/v1", settings={"feedback.threshold": 2.0}),
            "feedback.threshold",
        ),
    ],
)
def test_what_can_be_known_beforehand_is_refused(order: FeedbackOptions, wrong: str, dataset: Path) -> None:
    with pytest.raises(UsageError, match=wrong):
        feedback(dataset, order, Progress())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--threshold", "8"], "--threshold: feedback.threshold = 8.0: "),
        (["--set", "feedback.threshold=9.0", "--threshold", "8"], "--set: feedback.threshold = 9.0: "),
        (["--set", "feedback.window=0", "--recipe", "paper"], "--set: feedback.window = 0: "),
    ],
)
def test_a_wrong_value_is_named_by_its_flag(
    arguments: list[str], message: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ("--retriever", "bm25", "--vlm", "openai:m@http://127.0.0.1:9/v1")
    assert leave("feedback", dataset, *models, *arguments) == 2
    assert capsys.readouterr().err.startswith(f"nyxqa: {message}")


@pytest.mark.parametrize("settings", [{"feedback.window": 2}, {"feedback.top_k": 2}, {"feedback.enough_negatives": 1}])
def test_relabelling_refuses_what_would_have_to_be_asked(settings: dict[str, Any], dataset: Path) -> None:
    with pytest.raises(UsageError, match="--relabel uses the stored answers, so feedback"):
        relabel(dataset, FeedbackOptions(settings=settings), Progress())


@pytest.fixture(scope="module")
def answered(built_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first pages of the sample, answered by a model that knows their questions' own documents."""
    out = tmp_path_factory.mktemp("answered") / "out"
    shutil.copytree(built_sample, out, ignore=shutil.ignore_patterns(".work"))
    with VlmServer(reply=oracle_of(out).reply) as server:
        feedback(out, FeedbackOptions("bm25", f"openai:m@{server.url}", settings={"feedback.top_k": 6}), Progress())
    return out


def test_every_check_holds(answered: Path) -> None:
    result = check(answered)
    assert result.failed == ()
    assert {finding.name for finding in result.findings if finding.status == "ok"} >= {
        *("feedback_labels", "feedback_ranks", "feedback_scores", "feedback_windows", "feedback_splits"),
        *("feedback_candidates", "negative_of_own_page", "negative_of_own_cluster", "ledger_dropped", "card_configs"),
    }


def test_it_is_loaded_joined_asked_by_sql_and_left_alone_by_exports(answered: Path, tmp_path: Path) -> None:
    rows = nyxqa.load("feedback", answered, split="train")
    stored = table(answered, "feedback")
    texts = {row["doc_id"]: row["text"] for row in table(answered, "corpus")}
    assert len(rows) == len(stored) > 40
    for row, plain in zip(rows, stored, strict=True):
        assert [one["text"] for one in row["candidates"]] == [texts[one["doc_id"]] for one in plain["candidates"]]
        assert row["query"]["text"] and row["instruction"] == ""
    assert any(row["query"]["images"] for row in rows)
    count = run_sql(answered, "SELECT count(*) AS n FROM feedback WHERE len(positive_ids) > 0")
    assert count["n"].to_pylist() == [len(stored)]
    export(str(answered), "sentence-transformers", tmp_path / "exported")
    assert [*(tmp_path / "exported").rglob("*.parquet")]


def test_card_and_report_tell_of_it(answered: Path) -> None:
    told = read_manifest(answered).summary["feedback"]
    line = f"{told['labelled']} of {told['questions']} questions labelled: {told['positives']} positives"
    card, report = (answered / "README.md").read_text(), " ".join(render(make_report(answered)).split())
    for text in (card, report):
        assert line in text and f"{told['saved']} calls saved by early stops" in " ".join(text.split())
    assert "feedback train" in report and "feedback: candidates are found with bm25" in report
    assert "config_name: feedback" in card
    files = [answered / path for path in read_manifest(answered).paths("feedback", "train")]
    assert sum(pq.read_metadata(file).num_rows for file in files) == told["labelled"]

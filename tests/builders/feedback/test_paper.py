"""Stage 2 by the rule of the Nyx paper, row by row, and questions over corpora that no document is known to answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import nyxqa
from nyxqa.build import run
from nyxqa.builders.check.structure import check
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback.labels import windows
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import estimate, feedback
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.ids import query_id
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.recipe import Feedback
from tests.support.published import table
from tests.support.qa_sets import RECIPE, write_qa_sets
from tests.support.sets import COLOURS, TEXTS, write_passages, write_questions, write_text
from tests.support.vlm_server import Payload, VlmServer, prompt_text

K = 12
PAPER = {"feedback.top_k": K, "feedback.window": 2}
Row = dict[str, Any]


def needs_the_second(payload: Payload) -> str:
    """Right exactly when the second document of the window tells the colour that is asked for."""
    head, _, question = prompt_text(payload).rpartition("\nQuestion: ")
    (number,) = re.findall(r"lake (\d+)", question)
    shown = re.findall(r"The water of lake \d+ is (\w+) in spring", head.rpartition("\nDocuments:\n")[2])
    colour = COLOURS[int(number) % 10]
    return json.dumps({"answer": colour if len(shown) == 2 and shown[1] == colour else "unknown"})


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty questions, whose pool is what was retrieved for them."""
    folder = tmp_path_factory.mktemp("lakes")
    write_passages(folder)
    write_questions(folder)
    text = TEXTS.replace('license = "CC0-1.0"', 'license = "CC0-1.0"\nkeep = "retrieved"')
    run("train", recipe=write_text(folder / "recipe.toml", text), out=folder / "out", workers=1)
    return folder / "out"


@pytest.fixture(scope="module")
def labelled(lakes: Path) -> Path:
    with VlmServer(reply=needs_the_second) as server:
        feedback(lakes, FeedbackOptions("bm25", f"openai:m@{server.url}", "paper-stage2", PAPER), Progress())
    return lakes


def test_windows_overlap_or_cover_every_candidate() -> None:
    assert [list(one) for one in windows(5, 2, 1)] == [[0, 1], [1, 2], [2, 3], [3, 4]]
    assert [list(one) for one in windows(5, 2, 2)] == [[0, 1], [2, 3], [4]]
    assert [list(one) for one in windows(5, 3, 2)] == [[0, 1, 2], [2, 3, 4]]
    assert [list(one) for one in windows(2, 3, 1)] == [[0, 1]]
    assert windows(0, 2, 1) == windows(0, 2, 2) == []
    with pytest.raises(ValueError, match="stride must not exceed window"):
        Feedback(window=2, stride=3)


def test_every_row_follows_the_papers_rule(labelled: Path) -> None:
    passages = {row["doc_id"]: row["text"] for row in table(labelled, "corpus", "lakes")}
    rows = {row["query_id"]: row for row in table(labelled, "feedback")}
    gone = {row["item_id"]: row["reason"] for row in table(labelled, "ledger", "rows") if row["stage"] == "feedback"}
    asked = [row for row in table(labelled, "triplets", "train") if row["dataset"] == "lakes"]
    assert len(asked) == 30
    assert len(rows) > 10
    for question in asked:
        colour = question["answers"][0]
        row = rows.get(question["query_id"])
        if row is None:
            assert gone[question["query_id"]] == "wrong_with_all"
            continue
        listed = [one["doc_id"] for one in row["candidates"]]
        assert len(listed) == K
        right = [start for start in range(K - 1) if f" is {colour} in" in passages[listed[start + 1]]]
        first = right[0]
        assert row["positive_ids"] == [listed[first]]
        assert row["negative_ids"] == [one for one in listed if one != listed[first]]
        verdicts = [one["correct"] for one in row["candidates"]]
        assert verdicts == [False] * first + [True] + [None] * (K - 1 - first)
    assert set(rows) | set(gone) == {one["query_id"] for one in asked}


def test_checks_and_deviations_say_what_the_recipe_does(labelled: Path) -> None:
    result = check(labelled)
    assert result.failed == ()
    assert read_manifest(labelled).recipe["feedback"]["stride"] == 1
    told = [line for line in read_manifest(labelled).deviations if line.startswith("feedback: ")]
    assert [line for line in told if "positives" in line or "negatives" in line or "dropped" in line] == []


def test_stage_two_searches_what_was_retrieved_for_all_questions(labelled: Path) -> None:
    found = {one["doc_id"] for row in table(labelled, "feedback") for one in row["candidates"]}
    published = {row["doc_id"] for row in table(labelled, "corpus", "lakes")}
    named = {row["positive_id"] for row in table(labelled, "triplets", "train")}
    assert found <= published
    retrieved = {
        doc for row in table(labelled, "triplets", "train") for doc in (row["positive_id"], *row["negative_ids"])
    }
    assert named < retrieved < published  # ranks 2 to 10 stand in no triplet


def answers_from_examples(payload: Payload) -> str:
    """Picks the first option where one is offered; else says that it does not know."""
    question = prompt_text(payload).rpartition("\nQuestion: ")[2]
    return json.dumps({"answer": "A" if "(A)" in question else "unknown"})


def test_questions_without_a_known_document_are_labelled_and_others_not_searched(tmp_path: Path) -> None:
    recipe = write_qa_sets(tmp_path)
    own = RECIPE.split("[[qa]]")
    recipe.write_text("[[qa]]" + own[1] + "[[qa]]" + own[3] + "[[qa]]" + own[4])
    run("train", recipe=recipe, out=tmp_path / "out", workers=1)
    settings = {
        "feedback.top_k": 6,
        "feedback.options": True,
        "feedback.drop": [],
        "feedback.datasets": ["science", "own"],
        "feedback.caps": {"science": 4},
    }
    with VlmServer(reply=answers_from_examples) as server:
        options = FeedbackOptions("bm25", f"openai:m@{server.url}", settings=settings)
        assert estimate(tmp_path / "out", options, Progress()).total.requests > 4
        feedback(tmp_path / "out", options, Progress())
    rows = {row["query_id"]: row for row in table(tmp_path / "out", "feedback")}
    manifest = read_manifest(tmp_path / "out")
    (entry,) = [entry for entry in manifest.stages if entry.name == "feedback"]
    assert (entry.rows_in, entry.not_sampled) == (14, 5)
    asked = {row["qa_id"]: row for row in table(tmp_path / "out", "qa", "train")}
    alone = asked.keys() - {row["query_id"] for row in table(tmp_path / "out", "triplets", "train")}
    science = [one for one in rows.values() if one["dataset"] == "science"]
    assert len(science) == 4
    assert {one["query_id"] for one in science} & alone
    documents = {row["doc_id"]: row for row in table(tmp_path / "out", "corpus", "science")}
    for row in science:
        right = asked[row["query_id"]]["label"] == 0
        assert {one["correct"] for one in row["candidates"] if one["prediction"] is not None} == {right}
        names = [documents[one["doc_id"]]["external_id"] for one in row["candidates"]]
        assert row["query_id"] not in {query_id("science", name.removeprefix("example:")) for name in names}
    assert check(tmp_path / "out").failed == ()
    loaded = {row["query_id"]: row for row in nyxqa.load("feedback", tmp_path / "out", images="bytes", split="train")}
    for one in alone & rows.keys():
        assert loaded[one]["query"]["text"] == asked[one]["question"]
        assert loaded[one]["query"]["images"] == [image["bytes"] for image in asked[one]["images"]]


def test_feedback_names_the_setting_that_is_wrong(lakes: Path) -> None:
    options = FeedbackOptions("bm25", "openai:m@http://127.0.0.1:1/v1", settings={"feedback.stride": 4})
    with pytest.raises(UsageError, match="stride must not exceed window"):
        feedback(lakes, options, Progress())

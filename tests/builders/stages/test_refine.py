from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.rows import DRAFTS
from nyxqa.builders.stages.refine import rules_shard
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.ids import qa_id
from nyxqa.schemas.recipe import Refine, VlmSection
from tests.support.models import Told, ToldAsking
from tests.support.rows import document, write

DOCUMENT = document("page", 0, "Basalt is dark.", ["a" * 64, "b" * 64])


def draft(name: str, text: str, answer: str) -> dict[str, Any]:
    prompts = {field.name: "" for field in DRAFTS.field("prompts").type}
    return {
        "draft": name, "question": text, "answer": answer, "generator": "told", "prompts": prompts, "document": DOCUMENT
    }  # fmt: skip


def refined(
    tmp_path: Path, *drafts: dict[str, Any], told: Told | None = None, **settings: Any
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    handle = ToldAsking(VlmSection(), 42, tmp_path, tmp_path, vlm=told or Told())
    output = rules_shard(handle, Refine(**settings), write(tmp_path / "part.parquet", list(drafts), DRAFTS))
    output.account.check("refine")
    return output.rows.to_pylist(), {drop.item_id: drop.reason for drop in output.account.dropped}


def test_a_question_gets_its_images_its_answers_and_its_id(tmp_path: Path) -> None:
    rows, drops = refined(tmp_path, draft("d:0", "What  is <image2> made of?", " black \n basalt "))
    assert drops == {}
    (row,) = rows
    assert row["question"] == f"What is {PLACEHOLDER} made of?"
    assert [image["image_id"] for image in row["images"]] == ["b" * 64]
    assert (row["answer"], row["answers"], row["answer_long"]) == ("black basalt", ["black basalt"], "black basalt")
    assert row["qa_id"] == qa_id(row["question"], ["b" * 64], "black basalt", DOCUMENT["doc_id"])
    assert row["evidence"] is None


def test_every_rule_drops_with_its_reason(tmp_path: Path) -> None:
    _, drops = refined(
        tmp_path,
        draft("d:0", "What does the text say?", "much"),
        draft("d:1", "What does the image show?", "much"),
        draft("d:2", "What does <image0> show?", "much"),
        draft("d:3", "<image1>?", "much"),
        draft("d:4", "What is it?", " ... "),
        draft("d:5", "Which one is red?", "<image1>"),
        draft("d:6", "What is it?", "one two three four five six"),
        draft("d:7", "What is it?", "one two three four five six seven"),
        told=Told(short={"d:7": "still one two three four five"}),
    )
    assert drops == {
        "d:0": "refers_to_document",
        "d:1": "image_not_cited",
        "d:2": "bad_citation",
        "d:3": "no_question",
        "d:4": "no_answer",
        "d:5": "bad_citation",
        "d:6": "untold",
        "d:7": "answer_too_long",
    }


@pytest.mark.parametrize("short", ["", "...", "one two three four five six", PLACEHOLDER])
def test_no_answer_of_more_than_five_words_passes(short: str, tmp_path: Path) -> None:
    long = "a b c d e f"
    rows, drops = refined(tmp_path, draft("d:0", "What is it?", long), told=Told(short={"d:0": short}))
    assert (rows, drops) == ([], {"d:0": "answer_too_long"})


def test_a_long_answer_is_shortened_and_both_are_accepted(tmp_path: Path) -> None:
    long = "it is the old black basalt rock"
    rows, _ = refined(
        tmp_path,
        draft("d:0", "What is it?", long),
        draft("d:1", "Which is it?", "one two three four five"),
        told=Told(short={"d:0": " black  basalt "}),
    )
    assert [(row["answer"], row["answers"], row["answer_long"]) for row in rows] == [
        ("black basalt", ["black basalt", long], long),
        ("one two three four five", ["one two three four five"], "one two three four five"),
    ]


def test_the_limit_of_words_is_the_recipe_s(tmp_path: Path) -> None:
    _, drops = refined(tmp_path, draft("d:0", "What is it?", "one two three"), max_answer_words=2)
    assert drops == {"d:0": "untold"}


def test_equal_keys_are_those_of_equal_words_about_equal_images() -> None:
    same = question_key("What is Basalt?", [])
    assert same == question_key("what is  basalt", [])
    assert same != question_key("What is basalt?", ["a"])

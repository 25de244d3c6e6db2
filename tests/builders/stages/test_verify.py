from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.qa.evidence import collects_evidence
from nyxqa.builders.stages.verify import pass_shard, verify_shard
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.protocol import Answered, Failed, VlmRequest
from nyxqa.schemas.recipe import Keep, Verify, VlmSection
from tests.support.models import Told, ToldAsking
from tests.support.rows import QUESTIONS, locator, question, write


@pytest.mark.parametrize(
    ("enabled", "model", "expected"),
    [
        ("auto", "extractive", False),
        ("auto", "openai:m@http://x/v1", True),
        (True, "extractive", True),
        (False, "openai:m@http://x/v1", False),
    ],
)
def test_auto_means_with_a_model_that_can_judge(enabled: bool, model: str, expected: bool) -> None:
    assert collects_evidence(Verify(enabled=enabled), make_provider(model).info) is expected


def test_without_a_judge_all_questions_pass_as_not_verified(tmp_path: Path) -> None:
    output = pass_shard(write(tmp_path / "part.parquet", [question("a"), question("b")], QUESTIONS))
    output.account.check("verify")
    assert [(row["qa_id"], row["evidence"]) for row in output.rows.to_pylist()] == [("a", None), ("b", None)]


def told(answers: dict[str, list[str]]) -> ToldAsking:
    """A model that gives the answers of a question view by view."""
    queues = {key: iter(values) for key, values in answers.items()}

    class Judge(Told):
        def answer(self, asks: Iterable[VlmRequest]) -> Iterator[Answered[str] | Failed]:
            for ask in asks:
                answer = next(queues[ask.key])
                yield Failed("server_error") if answer == "!" else Answered(answer)

    return ToldAsking(VlmSection(), 42, Path(), Path(), vlm=Judge())


def judged(
    tmp_path: Path, rows: list[dict[str, Any]], answers: dict[str, list[str]], keep: list[Keep]
) -> tuple[dict[str, Any], dict[str, str]]:
    output = verify_shard(told(answers), keep, write(tmp_path / "part.parquet", rows, QUESTIONS))
    output.account.check("verify")
    kept = {row["qa_id"]: row["evidence"] for row in output.rows.to_pylist()}
    return kept, {drop.item_id: drop.reason for drop in output.account.dropped}


def test_a_question_on_text_is_asked_closed_book_and_with_its_document(tmp_path: Path) -> None:
    row = question("a") | {"answers": ["basalt"]}
    kept, dropped = judged(tmp_path, [row], {"a": ["granite", "Basalt."]}, Verify().keep)
    assert dropped == {}
    assert kept["a"] == {
        "closed_book": {"prediction": "granite", "correct": False},
        "document": {"prediction": "Basalt.", "correct": True},
        "no_images": None,
        "images_only": None,
    }


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["basalt", "basalt"], "answered_closed_book"),
        (["", "granite"], "not_answered_from_document"),
        (["", "!"], "server_error"),
        (["!", "basalt"], "server_error"),
    ],
)
def test_a_question_that_does_not_need_its_document_goes(answers: list[str], reason: str, tmp_path: Path) -> None:
    rows = [question("a") | {"answers": ["basalt"]}, question("b") | {"answers": ["basalt"]}]
    kept, dropped = judged(tmp_path, rows, {"a": answers, "b": ["", "basalt"]}, Verify().keep)
    assert dropped == {"a": reason}
    assert list(kept) == ["b"]


@pytest.mark.parametrize(
    ("keep", "answers", "reason"),
    [
        (["images_needed"], ["", "red", "red", ""], "answered_without_images"),
        (["images_needed"], ["", "red", "", ""], None),
        (["text_needed"], ["", "red", "", "red"], "answered_from_images_only"),
        (["text_needed"], ["", "red", "red", ""], None),
        ([], ["red", "", "red", "red"], None),
    ],
)
def test_views_of_a_question_with_images(
    keep: list[Keep], answers: list[str], reason: str | None, tmp_path: Path
) -> None:
    row = question("a")
    row["document"] = row["document"] | {"text": "text <|image|>", "images": [locator("i" * 64)]}
    kept, dropped = judged(tmp_path, [row | {"answers": ["red"]}], {"a": answers}, keep)
    assert dropped == ({} if reason is None else {"a": reason})
    if reason is None:
        assert [verdict["prediction"] for verdict in kept["a"].values()] == answers

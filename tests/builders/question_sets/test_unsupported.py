"""What a text set has no place for is dropped with a reason that names the section that has one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.passages import Passage, read_passages
from nyxqa.builders.question_sets.questions import QUESTION_READERS, Question, read_questions
from tests.support.tiny_dataset import png

FLASHRAG = {"id": "q", "question": "Which bird?", "golden_answers": ["a jay"]}


def _outcome(folder: Path, kind: str, row: dict[str, Any]) -> Question | Drop:
    (folder / "q.jsonl").write_text(json.dumps(row) + "\n")
    (found,) = read_questions(f"{kind}:{folder / 'q.jsonl'}")
    return found


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"image": "a.png"}, "has_image"),
        ({"images": ["a.png"]}, "has_image"),
        ({"image_path": "a.png"}, "has_image"),
        ({"image": {"bytes": "x", "path": None}}, "has_image"),
        ({"metadata": {"image": "a.png"}}, "has_image"),
        ({"choices": ["jay", "owl"]}, "has_choices"),
        ({"metadata": {"choices": {"text": ["jay", "owl"]}}}, "has_choices"),
        ({"question": "<image>\nWhich bird?"}, "image_token"),
        ({"question": "Which bird <|image_1|> is it?"}, "image_token"),
        ({"question": "Which bird <|image|> is it?"}, "placeholder"),
    ],
)
def test_questions_with_images_or_options_are_dropped(more: dict[str, Any], reason: str, tmp_path: Path) -> None:
    found = _outcome(tmp_path, "flashrag", {**FLASHRAG, **more})
    assert isinstance(found, Drop)
    assert found.reason == reason
    assert "[[qa]]" in found.detail


@pytest.mark.parametrize("kind", [kind for kind in QUESTION_READERS if kind != "bamboogle"])
def test_every_kind_of_question_is_looked_at(kind: str, tmp_path: Path) -> None:
    row = {**FLASHRAG, "answer": "a jay", "context": [], "paragraphs": [], "image": "a.png"}
    found = _outcome(tmp_path, kind, row)
    assert isinstance(found, Drop)
    assert found.reason == "has_image"


@pytest.mark.parametrize(
    "more",
    [{"image": None}, {"images": []}, {"image": {"bytes": None, "path": None}}, {"choices": []}, {"choices": ""}],
)
def test_empty_columns_change_nothing(more: dict[str, Any], tmp_path: Path) -> None:
    assert isinstance(_outcome(tmp_path, "flashrag", {**FLASHRAG, **more}), Question)


def test_passages_with_images_are_dropped(tmp_path: Path) -> None:
    rows = {"id": ["1", "2"], "text": ["a jay", "an owl"], "image": [png(1), None]}
    pq.write_table(pa.table(rows), tmp_path / "corpus.parquet")
    dropped, kept = read_passages(f"parquet:{tmp_path / 'corpus.parquet'}")
    assert isinstance(dropped, Drop)
    assert (dropped.reason, dropped.detail) == ("has_image", "column image: [[text]] takes no images, [[qa]] does")
    assert isinstance(kept, Passage)

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.verify import pass_shard, verifies
from nyxqa.schemas.recipe import Verify
from tests.support.rows import QUESTIONS, question, write


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
    assert verifies(Verify(enabled=enabled), model) is expected


def test_without_a_judge_all_questions_pass_as_not_verified(tmp_path: Path) -> None:
    output = pass_shard(write(tmp_path / "part.parquet", [question("a"), question("b")], QUESTIONS))
    output.account.check("verify")
    assert [(row["qa_id"], row["evidence"]) for row in output.rows.to_pylist()] == [("a", None), ("b", None)]

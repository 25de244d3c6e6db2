from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nyxqa.builders.stages.choices import choices_shard, distinct
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.recipe import Choices, VlmSection
from tests.support.models import Told, ToldAsking
from tests.support.rows import QUESTIONS, question, write

WRONG = ["silver", "copper", "iron"]


def chosen(tmp_path: Path, wrong: dict[str, list[str]], *ids: str) -> tuple[dict[str, tuple[list[str], int]], dict]:  # type: ignore[type-arg]
    told = Told(wrong={f"{name}:0": options for name, options in wrong.items()})
    handle = ToldAsking(VlmSection(), 42, tmp_path, tmp_path, vlm=told)
    file = write(tmp_path / "part.parquet", [question(name, answers=["gold", "Au metal"]) for name in ids], QUESTIONS)
    output = choices_shard(handle, Choices(), "", file)
    output.account.check("choices")
    rows = {row["qa_id"]: (row["choices"], row["label"]) for row in output.rows.to_pylist()}
    return rows, {drop.item_id: (drop.reason, drop.detail) for drop in output.account.dropped}


def test_four_distinct_options_one_of_them_the_answer(tmp_path: Path) -> None:
    wrong = ["Gold!", "the gold", "au  metal", " silver ", "Silver", "", "...", "copper", "iron", "zinc"]
    rows, drops = chosen(tmp_path, {"a": wrong}, "a")
    options, label = rows["a"]
    assert drops == {}
    assert options[label] == "gold"
    assert [option for option in options if option != "gold"] == WRONG


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"a": ["silver", "copper"]}, ("too_few_distractors", "2 of 3")),
        ({"a": ["gold", "Silver", "silver", "copper"]}, ("too_few_distractors", "2 of 3")),
        ({}, ("untold", "")),
    ],
)
def test_a_question_without_enough_options_is_dropped(
    wrong: dict[str, list[str]], reason: tuple[str, str], tmp_path: Path
) -> None:
    assert chosen(tmp_path, wrong, "a") == ({}, {"a": reason})


def test_the_key_s_position_is_balanced_and_its_own(tmp_path: Path) -> None:
    ids = [f"{index:032x}" for index in range(4000)]
    rows, _ = chosen(tmp_path, dict.fromkeys(ids, WRONG), *ids)
    counts = Counter(label for _, label in rows.values())
    chi_square = sum((counts[label] - 1000) ** 2 / 1000 for label in range(4))
    assert chi_square < 16.27  # 3 degrees of freedom, p = 0.001
    assert all(options[label] == "gold" for options, label in rows.values())
    assert rows[ids[7]][1] == keyed_hash(42, "choices", ids[7]) % 4
    alone, _ = chosen(tmp_path, {ids[7]: WRONG}, ids[7])
    assert alone[ids[7]] == rows[ids[7]]


def test_options_are_compared_as_answers_are_scored() -> None:
    assert distinct(["The Gold", "gold.", "golden"], ["gold"]) == ["golden"]

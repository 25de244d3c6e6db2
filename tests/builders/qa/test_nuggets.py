from __future__ import annotations

import pytest

from nyxqa.builders.qa.evidence import is_correct
from nyxqa.builders.qa.nuggets import answer_facts, located_nuggets, nugget_recall
from nyxqa.builders.qa.relevance import grade_of
from nyxqa.builders.qa.scoring import Truth

STEPS = ["open the valve of Tarn", "turn the crank 13 times", "close the lid"]
TEXT = (
    "To start it,\nopen the  valve of Tarn. <|image|> Then TURN the crank 13 times!\n"
    "At last the lid is closed with care."
)


@pytest.mark.parametrize(
    ("answer", "recall"),
    [
        ("Open the valve of Tarn, turn the crank 13 times and close the lid.", 1.0),
        ("Close the lid after the crank has had its turn, 13 times in all; open the valve at Tarn first.", 1.0),
        ("Turn the crank 14 times and close the lid.", 1 / 3),
        ("Open the valve of Tarn.", 1 / 3),
        ("", 0.0),
    ],
)
def test_recall_is_the_share_of_facts_told_whatever_their_order_and_numbers_must_be_right(
    answer: str, recall: float
) -> None:
    assert nugget_recall(answer, STEPS) == pytest.approx(recall)
    assert is_correct(answer, ["quite another answer"], STEPS) is (recall >= 0.5)
    assert Truth(("quite another answer",), nuggets=tuple(STEPS)).score(answer) == pytest.approx(recall)
    assert grade_of(answer, ["quite another answer"], STEPS) == {1.0: 2, 0.0: 0}.get(recall, 0)


def test_facts_of_other_scripts_are_compared_too() -> None:
    assert nugget_recall("先打开阀门 再转动手柄13次。", ["转动手柄13次", "打开阀门"]) == 1.0
    assert nugget_recall("先打开阀门。", ["转动手柄13次"]) == 0.0


def test_a_fact_stands_word_by_word_else_in_the_sentence_with_most_of_its_words() -> None:
    documents = [{"doc_id": "other", "text": "Nothing of it."}, {"doc_id": "d", "text": TEXT}]
    found = located_nuggets([*STEPS, "the lid closed with great care", "paint it blue"], documents)
    held = [TEXT[one["start"] : one["end"]] for one in found]
    assert held == ["open the  valve of Tarn", "TURN the crank 13 times", "At last the lid is closed with care."]
    assert {one["doc_id"] for one in found} == {"d"}


def test_at_most_six_facts_are_kept_each_place_once() -> None:
    text = " ".join(f"The step number {n} is taken." for n in range(9))
    facts = [f"the step number {n} is taken" for n in (0, 0, 1, 2, 3, 4, 5, 6, 7)]
    found = located_nuggets(facts, [{"doc_id": "d", "text": text}])
    assert len(found) == 6
    assert len({one["start"] for one in found}) == 6


def test_an_answer_without_listed_facts_has_those_of_its_clauses() -> None:
    assert answer_facts("Open the valve; turn the crank 3.5 times. So.\n- Close the lid.") == [
        "Open the valve",
        "turn the crank 3.5 times.",
        "Close the lid.",
    ]
    assert answer_facts("Rust.") == ["Rust."]

"""Scoring short answers."""

from __future__ import annotations

import pytest

from nyxqa.schemas.answers import exact_match, normalise_answer, token_f1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Eiffel-Tower!", "eiffeltower"),
        ("an apple, a day", "apple day"),
        ("theatre", "theatre"),
        ("\uff21\uff22\uff23", "abc"),
        ("the", ""),
        ("", ""),
    ],
)
def test_answers_are_normalised(text: str, expected: str) -> None:
    assert normalise_answer(text) == expected


def test_exact_match_takes_any_accepted_form_and_no_empty_one() -> None:
    assert exact_match("The Thames.", ["Severn", "thames"])
    assert not exact_match("Thames river", ["thames"])
    assert not exact_match("", [""])
    assert not exact_match("the", ["a"])
    assert not exact_match("x", [])


@pytest.mark.parametrize(
    ("prediction", "answers", "expected"),
    [
        ("river Thames", ["Thames"], 2 / 3),
        ("Thames", ["river Thames", "the Thames"], 1.0),
        ("Thames Thames", ["Thames"], 2 / 3),
        ("Seine", ["Thames"], 0.0),
        ("", ["Thames"], 0.0),
        ("the", ["the"], 0.0),
        ("Thames", [], 0.0),
        ("\u6771\u4eac\u90fd", ["\u6771\u4eac"], 0.8),
    ],
)
def test_f1_is_of_bags_of_words(prediction: str, answers: list[str], expected: float) -> None:
    assert token_f1(prediction, answers) == pytest.approx(expected)

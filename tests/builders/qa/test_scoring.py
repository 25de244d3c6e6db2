"""Whether an answer is right."""

from __future__ import annotations

import pytest

from nyxqa.builders.qa.scoring import Truth, chosen, listed_options, reached, truth_of

OPTIONS = ("a red stone", "A green stone", "blue stone", "no stone")


@pytest.mark.parametrize(
    ("prediction", "f1"),
    [
        ("The Red Stone!", 1.0),
        ("red", 2 / 3),
        ("a small red stone", 0.8),
        ("green", 0.0),
        ("", 0.0),
        ("crimson rock", 1.0),
    ],
)
def test_f1_of_the_best_accepted_form(prediction: str, f1: float) -> None:
    assert Truth(("red stone", "crimson rock")).score(prediction) == pytest.approx(f1, abs=1e-7)


def test_a_threshold_is_reached_by_what_is_stored_as_it() -> None:
    """0.7 is less than itself once it has been float32."""
    ten = Truth(("a1 a2 a3 a4 a5 a6 a7 x y z",)).score("a1 a2 a3 a4 a5 a6 a7 u v w")
    assert ten != 0.7
    assert reached(ten, 0.7)
    assert not reached(ten, 0.7001)


@pytest.mark.parametrize(
    ("prediction", "number"),
    [
        ("red stone", 0),
        ("(B)", 1),
        ("B", 1),
        ("C. blue stone", 2),
        ("(C) the blue stone", 2),
        ("D:", 3),
        ("(C) red stone", None),
        ("stone", None),
        ("E", None),
        ("", None),
        ("Beautiful", None),
    ],
)
def test_an_option_is_named_by_words_or_letter(prediction: str, number: int | None) -> None:
    assert chosen(prediction, OPTIONS) == number
    assert Truth((), OPTIONS, 2).score(prediction) == float(number == 2)


def test_an_option_that_is_a_list_is_named_in_any_order() -> None:
    options = ("mill; weir", "mill; pond", "weir")
    assert [chosen(one, options) for one in ("weir; mill", "the pond and the mill", "weir", "pond")] == [0, 1, 2, None]


def test_options_count_only_where_there_is_no_accepted_form() -> None:
    assert truth_of(["stone"], OPTIONS, 1) == Truth(("stone",))
    assert truth_of(["the"], OPTIONS, 1) == Truth((), OPTIONS, 1)  # nothing is left of it
    assert not truth_of([], (), 0).known
    assert listed_options(()) == ""
    assert listed_options(OPTIONS).endswith("\n(C) blue stone\n(D) no stone")

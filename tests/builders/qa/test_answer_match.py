"""Whether a document holds an answer: folding, list answers, and common words that occur by accident."""

from __future__ import annotations

import pytest

from nyxqa.builders.qa.answer_match import (
    MIN_DOCUMENTS,
    SAMPLE,
    CommonWords,
    answer_rule,
    contains_answer,
    count_common_words,
    fold_document,
    sampled,
    searchable_answers,
)
from nyxqa.schemas.ids import doc_id

# Forty pages on lakes: "blue" stands on half of them, "Gilgamesh" on one.
PAGES = [
    f"Lake {number} lies in valley {number}. Its water is {'blue' if number % 2 else 'green'} and holds two islands."
    for number in range(40)
]
COMMON = count_common_words(map(fold_document, [*PAGES, "The Epic of Gilgamesh is an ancient text."]))


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("Shakespeare's plays", "Shakespeare", True),
        ("Shakespeare\u2019s plays", "Shakespeare", True),
        ("the monastery of Saint Denis", "Saint-Denis", True),
        ("a crew of 12 sailed", "twelve", True),
        ("eleven players", "11", True),
        ("Pele\u0301 scored", "Pel\u00e9", True),
        ("written by Dvorak", "Dvo\u0159\u00e1k", True),
        ("volcanic islands", "island", True),
        ("an annual bus", "annual buses", False),
        ("in 1912", "912", False),
        ("Paris and Rome", "Paris; Rome", True),
        ("Rome alone", "Paris; Rome", False),
        ("no reason", "no", False),
    ],
)
def test_folding(text: str, answer: str, expected: bool) -> None:
    assert contains_answer(text, searchable_answers([answer])) is expected


def test_a_rare_answer_counts_wherever_it_stands() -> None:
    rule = answer_rule("Which ancient text tells of a flood?", ["Gilgamesh"], COMMON)
    assert rule.held_in(fold_document("Heroes of the opera include Gilgamesh."))
    assert rule.held_in(fold_document("A tablet.", ["Gilgamesh with a lion"]))
    assert not rule.held_in(fold_document("A tablet of clay."))


def test_a_common_answer_counts_only_beside_the_words_of_its_question() -> None:
    rule = answer_rule("What colour is the flag of Somalia?", ["blue", "light blue"], COMMON)
    accident = fold_document("The blue whale feeds on krill.")
    told = fold_document("The flag of Somalia is of a light blue colour with a white star.")
    assert rule.mentioned_in(accident) and not rule.held_in(accident)
    assert rule.held_in(told)


def test_every_form_is_rare_or_common_by_itself() -> None:
    rule = answer_rule("How many moons has Mars?", ["two", "Phobos and Deimos"], COMMON)
    assert not rule.held_in(fold_document("There are two lakes."))
    assert rule.held_in(fold_document("Phobos and Deimos are small."))


def test_words_of_few_documents_are_never_common() -> None:
    few = count_common_words(map(fold_document, PAGES[:MIN_DOCUMENTS]))
    assert few.counts == {}
    assert answer_rule("Which water?", ["blue"], few).held_in(fold_document("A blue whale"))
    assert COMMON.is_common("blue") and not COMMON.is_common("gilgamesh")
    assert COMMON.weight("gilgamesh") > COMMON.weight("blue") > COMMON.weight("lake")


def test_of_a_large_pool_a_fixed_part_is_counted() -> None:
    ids = [doc_id(str(number), ()) for number in range(2_000)]
    assert all(sampled(one, SAMPLE) for one in ids)
    counted = sum(sampled(one, 10 * SAMPLE) for one in ids)
    assert 150 < counted < 250
    assert sampled(ids[0], 10 * SAMPLE) == sampled(ids[0], 10 * SAMPLE - 1)


def test_without_common_words_a_mention_is_enough() -> None:
    rule = answer_rule("What colour?", ["blue"], CommonWords())
    assert rule.held_in(fold_document("blue")) and rule.mentioned_in(fold_document("Blue"))
    assert not answer_rule("Is it?", ["yes"], CommonWords()).mentioned_in(fold_document("yes"))

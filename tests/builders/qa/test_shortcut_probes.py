"""Each probe finds the shortcut that is planted for it, and none where there is none."""

from __future__ import annotations

import random

import pytest

from nyxqa.builders.qa.shortcut_probes import (
    OptionItem,
    PairItem,
    probe_image,
    probe_length,
    probe_negatives,
    probe_position,
    probe_question,
    sample_items,
)

COLOURS = ["red", "blue", "green", "white", "black", "brown"]
TOPICS = ["rivers", "towns", "birds", "ships", "stars", "songs"]


def items(shortcut: str = "", count: int = 300) -> list[OptionItem]:
    """Questions with four options; ``shortcut`` says what gives the right one away in most of them."""
    drawn = random.Random(3)
    made = []
    for number in range(count):
        topic = drawn.randrange(6)
        choices = drawn.sample(COLOURS, 4)
        label = drawn.randrange(4)
        phash = drawn.getrandbits(62)
        told = drawn.random() < 0.8
        if told and shortcut == "question":
            choices = [COLOURS[topic], *drawn.sample([one for one in COLOURS if one != COLOURS[topic]], 3)]
            drawn.shuffle(choices)
            label = choices.index(COLOURS[topic])
        if told and shortcut == "image":
            phash = (phash & ~255) | COLOURS.index(choices[label])
        if told and shortcut == "position":
            label = 2
        if told and shortcut == "length":
            choices[label] += " indeed"
        question = f"Which colour have the {TOPICS[topic]} of valley {number}?"
        made.append(OptionItem(f"q{number}", f"d{number // 3}", question, [phash], choices, label))
    return made


PROBES = {
    "question": probe_question,
    "image": probe_image,
    "position": probe_position,
    "length": probe_length,
}


@pytest.mark.parametrize("name", list(PROBES))
def test_a_planted_shortcut_is_found(name: str) -> None:
    found = PROBES[name](items(name))
    assert found is not None and found.items == 300
    assert found.low > found.chance + 0.15
    honest = PROBES[name](items())
    assert honest is not None and honest.low < honest.chance == 0.25


def test_too_few_questions_are_not_judged() -> None:
    assert probe_question(items(count=20)) is None
    assert probe_image([one._replace(phashes=[]) for one in items()]) is None
    assert probe_negatives([]) is None


def pairs(planted: bool) -> list[PairItem]:
    drawn = random.Random(11)
    made = []
    for number in range(300):
        positive = number % 2 == 0
        text = " ".join(drawn.choices(TOPICS + COLOURS, k=8))
        text += " approved" if planted and positive and drawn.random() < 0.7 else ""
        made.append(PairItem(f"p{number}", f"d{number // 2 if not planted else number}", text, 0, positive))
    return made


def test_negatives_that_are_recognised_without_their_question() -> None:
    found, honest = probe_negatives(pairs(True)), probe_negatives(pairs(False))
    assert found is not None and honest is not None
    assert found.value > 0.8 and found.low > 0.65
    assert honest.low < 0.5 < honest.high
    assert probe_negatives(list(reversed(pairs(True)))) == found


def test_the_sample_of_items_does_not_depend_on_their_order() -> None:
    assert sample_items(items()) == sample_items(reversed(items()))

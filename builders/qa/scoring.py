"""Whether an answer is right: exact match and F1, or the option where there is nothing but options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nyxqa.builders.qa.nuggets import nugget_recall
from nyxqa.builders.vlm.prompt import form_of
from nyxqa.builders.vlm.protocol import AnswerForm
from nyxqa.schemas.answers import exact_match, normalise_answer, token_f1

_LETTERS = "ABCDEFGHIJ"
_LETTER = re.compile(r"\(?([A-J])\)?[.:)]?(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Truth:
    """What a prediction is compared with.

    :param answers: Accepted forms.
    :param choices: Options of a question that has no accepted form; empty otherwise.
    :param label: Number of the right option, from 0.
    :param nuggets: Facts of a long answer, by which a prediction is scored; empty for a short one.
    :param type: Type of the question; empty where it is unknown.
    """

    answers: tuple[str, ...]
    choices: tuple[str, ...] = ()
    label: int = 0
    nuggets: tuple[str, ...] = ()
    type: str = ""

    @property
    def known(self) -> bool:
        """Whether any answer could be right."""
        return bool(self.choices) or any(map(normalise_answer, self.answers))

    @property
    def form(self) -> AnswerForm:
        """What kind of answer the model is to give."""
        return "long" if self.nuggets else form_of(self.type)

    def score(self, prediction: str) -> float:
        """F1 in [0, 1] as float32 stores it: 1 for an exact match or the right option; of a long answer the recall."""
        if self.choices:
            return float(chosen(prediction, self.choices) == self.label)
        if self.nuggets:
            return float(np.float32(nugget_recall(prediction, self.nuggets)))
        if exact_match(prediction, self.answers):
            return 1.0
        return float(np.float32(token_f1(prediction, self.answers)))


def truth_of(answers: Sequence[str], choices: Sequence[str], label: int) -> Truth:
    """What predictions are compared with: the accepted forms, or the options if there are none."""
    if any(map(normalise_answer, answers)):
        return Truth(tuple(answers))
    return Truth((), tuple(choices), label)


def reached(f1: float, threshold: float) -> bool:
    """Whether ``f1``, as stored, is at or above the threshold."""
    return bool(np.float32(f1) >= np.float32(threshold))


def listed_options(choices: Sequence[str]) -> str:
    """The options as text below a question; "" if there are none."""
    if not choices:
        return ""
    lines = [f"({letter}) {option}" for letter, option in zip(_LETTERS, choices, strict=False)]
    return "\nAnswer with one of these options:\n" + "\n".join(lines)


def chosen(prediction: str, choices: Sequence[str]) -> int | None:
    """Number of the option that ``prediction`` names by its words, its letter, or both; None if unclear.

    An option that is a list is named by its items in any order.
    """
    equal = [number for number, option in enumerate(choices) if exact_match(prediction, [option])]
    if len(equal) == 1:
        return equal[0]
    letter = _LETTER.match(prediction.strip())
    if letter is None:
        return None
    number = _LETTERS.index(letter[1])
    rest = normalise_answer(prediction.strip()[letter.end() :])
    if number >= len(choices) or rest not in ("", normalise_answer(choices[number])):
        return None
    return number

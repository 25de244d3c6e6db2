"""Whether a passage holds an answer, as words in a row."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.words import words

# Answers of yes-or-no questions say nothing about where they stand: "no" is a word of most passages.
_NOWHERE = frozenset({"yes", "no", "noanswer"})
# Texts kept folded: the passages of one page of results, and those that come back soon.
_KEPT = 10_000


def searchable_answers(answers: Iterable[str]) -> tuple[str, ...]:
    """The answers that can be looked for in a passage, folded, none twice."""
    folded = dict.fromkeys(fold_answer(answer) for answer in answers)
    return tuple(answer for answer in folded if answer.strip() and answer.strip() not in _NOWHERE)


def contains_answer(text: str, folded_answers: Iterable[str]) -> bool:
    """Whether ``text`` holds one of the answers given by ``searchable_answers``, on word boundaries."""
    folded = _fold_kept(text)
    return any(answer in folded for answer in folded_answers)


def fold_answer(text: str) -> str:
    """The words of the normalised text, one blank before and behind each."""
    found = words(normalise_answer(text))
    return f" {' '.join(found)} " if found else ""


_fold_kept = lru_cache(_KEPT)(fold_answer)

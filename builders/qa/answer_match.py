"""Whether a passage contains an answer as consecutive words."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.words import words

# Answers of yes-or-no questions cannot be located: "no" is a word of most passages.
_NOT_SEARCHABLE = frozenset({"yes", "no", "noanswer"})
# Cached folded texts: the passages of one page of results, and those that recur soon.
_CACHE_SIZE = 10_000


def searchable_answers(answers: Iterable[str]) -> tuple[str, ...]:
    """The distinct answers that can be searched for in a passage, folded."""
    folded = dict.fromkeys(fold_answer(answer) for answer in answers)
    return tuple(answer for answer in folded if answer.strip() and answer.strip() not in _NOT_SEARCHABLE)


def contains_answer(text: str, folded_answers: Iterable[str]) -> bool:
    """Whether ``text`` contains one of the answers of ``searchable_answers``, at word boundaries."""
    folded = _cached_fold(text)
    return any(answer in folded for answer in folded_answers)


def fold_answer(text: str) -> str:
    """The words of the normalised text, separated and surrounded by one space; empty if it has no words."""
    folded = " ".join(words(normalise_answer(text)))
    return f" {folded} " if folded else ""


_cached_fold = lru_cache(_CACHE_SIZE)(fold_answer)

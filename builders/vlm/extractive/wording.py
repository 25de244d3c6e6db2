"""Chooses, among the ways to ask the same thing, one that repeats little of its document."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from nyxqa.builders.vlm.extractive.lexicon import reworded
from nyxqa.schemas.words import words

COPIED = 0.8  # share of a question's words that may stand in its document


def copied_share(question: str, known: frozenset[str]) -> float:
    """Share of the words of ``question`` that are in ``known``."""
    asked = words(question)
    return sum(word in known for word in asked) / max(len(asked), 1)


def least_copied(ways: Iterable[str], known: frozenset[str]) -> str | None:
    """The first way, or rewording of one, that copies at most ``COPIED`` of its words; None if all copy more."""
    plain = [" ".join(way.replace(" ?", "?").split()) for way in ways]
    every = chain(plain, chain.from_iterable(map(reworded, plain)))
    return next((text for text in every if copied_share(text, known) <= COPIED), None)

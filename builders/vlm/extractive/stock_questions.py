"""Questions that follow from a few words around a blank, whatever the rest of the sentence says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nyxqa.builders.vlm.extractive.vocabulary import kind_of_word

_FRONTED = 15  # characters: an earlier place stands in front of the subject
_REIGN = re.compile(r"\b(?:king|queen|emperor|empress|sultan|pharaoh|tsar|shah|reign\w*|ruled|ruling)\b", re.IGNORECASE)
_LASTED = frozenset(["war", "revolution", "rebellion", "conflict", "period", "empire", "dynasty", "kingdom"])
_TWICE = re.compile(r"\b(?:twice|again)\b|\d.*\d.*\d{3}.*\bto $")
_FROM = re.compile(r"\bfrom (?:\d{1,2} )?(?:[A-Z]\w+ )?\d{3,4} (?:to|until) $")


def told_of_place(before: str, kind: str, after: str) -> Iterator[str]:
    """Asks where a place lies that an answer follows behind a comma."""
    found = re.search(r"\b(?:in|near|at) (?P<place>(?:[A-Z][\w'\u2019-]+ ?){1,3}), $", before)
    if found is None or found.start() < _FRONTED or not re.match(r"\.|$|,(?! (?:and|or)? ?[A-Z])", after):
        return
    place = found["place"].strip()
    if kind == "country" and kind_of_word(place) is None:
        yield f"In which country does {place} lie?"


def until_when(before: str, kind: str, subject: str, head: Sequence[str]) -> Iterator[str]:
    """Asks when something ended, by a time behind "from ... to"."""
    if kind not in ("year", "date") or _TWICE.search(before) or not _FROM.search(before):
        return
    if not _LASTED.isdisjoint(head):
        yield f"When did {subject} come to an end?"
    elif _REIGN.search(before):
        yield f"In what year did the rule of {subject} end?"


def of_which_language(before: str, kind: str, after: str, title: str) -> Iterator[str]:
    """Asks for the language that the word for the title is from."""
    is_word = re.match(r"^The (?:word|term|name)\b", before) and re.search(r"\b(?:from|of) (?:the |an? )?$", before)
    if (
        is_word
        and kind in ("people", "language", "name")
        and re.match(r" (?:word|term|root|name|phrase|verb|noun)\b", after)
    ):
        yield f"Which language is the word \u201c{title}\u201d taken from?"

"""Cloze questions: a self-contained sentence with one informative span blanked out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nyxqa.builders.vlm.extractive.self_contained import (
    ABOUT_THE_PAGE,
    MIN_WORDS,
    complete_sentences,
    is_prose,
    is_self_contained,
)
from nyxqa.builders.vlm.extractive.spans import Span, find_spans
from nyxqa.builders.vlm.extractive.vocabulary import STOP_WORDS, word_list
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.words import sentences, words

BLANK = "____"
_MAX_ANSWER_WORDS = 5  # Nyx step 5
_MAX_TITLE_WORDS = 6

# How much a question about a span of each kind is preferred.
_TEXT_SCORES = {
    "subject": 8.5,
    "date": 9,
    "measure": 8.5,
    "called": 8,
    "ratio": 8,
    "year": 7,
    "name": 7,
    "ocean": 7,
    "planet": 7,
    "city": 7,
    "country": 7,
    "continent": 6,
    "element": 6,
    "colour": 6,
    "people": 4,
    "language": 6,
    "month": 6,
    "weekday": 6,
    "trade": 4,
    "direction": 4,
    "shape": 5,
    "count": 4.5,
    "rank": 4.5,
    "ordinal": 4,
    "number": 4.5,
    "term": 3.5,
}
# Captions are preferably asked for what is visible.
_CAPTION_SCORES = _TEXT_SCORES | {
    "colour": 9.5,
    "count": 9,
    "shape": 9,
    "side": 7,
    "orientation": 7.5,
    "direction": 7,
}


_NAME_BEFORE = re.compile(r"\b(?P<word>[A-Z][^\W\d_]*)[\"\u201d]? [\"\u201c]?$")
_NAME_BEHIND = re.compile(r"[\"\u201d]? (?:[A-Z]|al-|d[aeiou]s? )|\.[A-Z]")
_AMOUNTS = frozenset({"number", "count", "measure"})
_DIRECTION = re.compile(r"\b(?:north|south|east|west)")
_UNITS = frozenset(
    word_list("percent degrees celsius kilometres kilometers metres meters square million billion years")
)


@dataclass(frozen=True, slots=True)
class Cloze:
    """A sentence with a blank.

    :param text: The sentence with ``____`` in place of the answer.
    :param answer: The text of the blank, at most five words.
    :param score: How much this question is preferred over others.
    :param place: Ordinal of the sentence or image.
    """

    text: str
    answer: str
    kind: str
    score: float
    place: int


def text_clozes(text: str, title: str | None) -> Iterator[Cloze]:
    """Every acceptable cloze of the sentences of ``text``; the title precedes those that do not name it."""
    name = usable_title(title)
    for place, sentence in enumerate(complete_sentences(text)):
        if not is_self_contained(sentence):
            continue
        for cloze in _clozes(sentence, find_spans(sentence), place, _TEXT_SCORES, name):
            if name and (cloze.kind == "subject" or _names_title(sentence, name)):
                yield cloze
            elif name and not gives_away(name, cloze.answer):
                yield Cloze(f"{name}: {cloze.text}", cloze.answer, cloze.kind, cloze.score - 1, place)
            elif not name and _has_name(cloze.text):
                yield cloze


def clozes_of(sentence: str, place: int) -> Iterator[Cloze]:
    """Every acceptable cloze of one sentence as it is, without the title."""
    yield from _clozes(sentence, find_spans(sentence), place, _TEXT_SCORES, None)


def caption_clozes(caption: str, place: int) -> Iterator[Cloze]:
    """Every acceptable cloze of the first sentence of a caption; a file name or a bare label gives none."""
    if not is_prose(caption):
        return
    sentence = " ".join((sentences(caption) or [""])[0].split())
    if len(words(sentence)) >= MIN_WORDS and is_self_contained(sentence, caption=True):
        yield from _clozes(sentence, find_spans(sentence), place, _CAPTION_SCORES, None)


def _clozes(
    sentence: str, spans: list[Span], place: int, scores: dict[str, float], title: str | None
) -> Iterator[Cloze]:
    subject = _defined_title(sentence, title)
    if subject is not None:
        spans = [subject, *(span for span in spans if span.start >= subject.end)]
    for span in spans:
        if span.kind not in scores or len(words(span.text)) > _MAX_ANSWER_WORDS:
            continue
        before, after = sentence[: span.start], sentence[span.end :]
        if _is_unusable(before, span, after):
            continue
        score = scores[span.kind] + _bonus(before, span, after)
        yield Cloze(f"{before}{BLANK}{after}", span.text, span.kind, score, place)


def _defined_title(sentence: str, title: str | None) -> Span | None:
    """The title if the sentence begins by defining it."""
    if title is None:
        return None
    match = re.match(
        rf"(?:(?:The|An?) )?(?P<title>{re.escape(title)})(?= (?:is|was|are|were) )", sentence, re.IGNORECASE
    )
    return None if match is None else Span(match.start("title"), match.end("title"), match.group("title"), "subject")


def _is_unusable(before: str, span: Span, after: str) -> bool:
    """Whether the blank makes a bad question: the rest gives it away, or the span is part of a larger one."""
    if gives_away(before + " " + after, span.text):
        return True
    if before[-1:] in "-\u2013/" or after[:1] in "-\u2013/" or re.match(r"['\u2019]\w{2}|\s*\(", after):
        return True
    if span.kind in ("name", "people") and _in_larger_name(before, after):
        return True
    if before.endswith("(") or (span.kind in _AMOUNTS and before.count("(") > before.count(")")):
        return True
    if span.kind in ("number", "count") and re.search(
        r"\b(?:between|from|or|and|to|the|other|these|all|first|last)\s$", before
    ):
        return True
    if span.kind == "rank" and after.startswith(" centur"):
        return True
    if span.kind == "direction" and _DIRECTION.search(before[-12:] + " " + after[:12]):
        return True
    alias = r"(?:^|\W)(?:also|or|formerly|commonly|previously)[^,.;]*$"
    return span.kind in ("name", "called", "people") and re.search(alias, before) is not None


def _in_larger_name(before: str, after: str) -> bool:
    """Whether a capitalised neighbour, perhaps in quotes, belongs to the same name."""
    last = _NAME_BEFORE.search(before)
    return (last is not None and last.group("word").lower() not in STOP_WORDS) or _NAME_BEHIND.match(after) is not None


def gives_away(rest: str, answer: str) -> bool:
    """Whether ``rest`` contains a content word of ``answer``, or a word with the same first five letters."""
    others = words(rest)
    for word in words(normalise_answer(answer)):
        if word in STOP_WORDS:
            continue
        if word in others and (word.isdigit() or len(word) > 2):
            return word not in _UNITS
        if len(word) > 4 and any(other[:5] == word[:5] for other in others) and word not in _UNITS:
            return True
    return not normalise_answer(answer)


def _bonus(before: str, span: Span, after: str) -> float:
    bonus = 0.0
    if span.kind == "name":
        bonus += 0.7 if " " in span.text else 0
        # A single capitalised word before a lower-case one is usually an adjective.
        if " " not in span.text and re.match(r" [a-z]", after) and re.search(r"(?:ese|ish|an|ic|al)$", span.text):
            bonus -= 3
    if before.count("(") > before.count(")"):
        bonus -= 3
    if len(before) > len(after):
        bonus += 0.5
    if len(words(before + after)) > 32:
        bonus -= 1
    return bonus


def usable_title(title: str | None) -> str | None:
    """The title without a bracketed qualifier, if it is a short name."""
    if title is None:
        return None
    plain = re.sub(r"\s*\([^)]*\)\s*$", "", " ".join(title.split()))
    usable = plain and len(words(plain)) <= _MAX_TITLE_WORDS and ":" not in plain and not ABOUT_THE_PAGE.search(plain)
    return plain if usable else None


def _names_title(sentence: str, title: str) -> bool:
    """Whether ``sentence`` contains every content word of ``title``."""
    present = set(words(sentence))
    return all(word in present or word in STOP_WORDS for word in words(title))


def _has_name(cloze: str) -> bool:
    """Whether the text around the blank still contains a name."""
    return any(span.kind in ("name", "country", "city", "planet", "ocean") for span in find_spans(cloze))

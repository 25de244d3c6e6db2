"""Answers taken from the sentence of a document that shares most words with the question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nyxqa.builders.vlm.extractive.cloze import BLANK
from nyxqa.builders.vlm.extractive.definitions import definition
from nyxqa.builders.vlm.extractive.lexicon import SAID_AS
from nyxqa.builders.vlm.extractive.spans import Span, find_spans
from nyxqa.builders.vlm.extractive.vocabulary import STOP_WORDS, word_list
from nyxqa.builders.vlm.protocol import VlmDocument
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.words import sentences, words

_MIN_SHARE = 0.5  # of the question's content words that the sentence must contain
_MAX_WORDS = 8  # between the neighbours of a blank
_CLOZE_PREFIX = re.compile(r"^\s*fill in the blank[^:]{0,40}:", re.IGNORECASE)
_KINDS_BY_QUESTION_WORD = [
    (re.compile(r"\b(?:when|what year|which year)\b", re.IGNORECASE), ("date", "year", "month")),
    (re.compile(r"\bhow (?:many|much|long|far|tall|old)\b", re.IGNORECASE), ("measure", "number", "count")),
    (re.compile(r"\b(?:who|whose|whom)\b", re.IGNORECASE), ("name",)),
    (re.compile(r"\b(?:where|country|city)\b", re.IGNORECASE), ("country", "city", "name", "continent", "ocean")),
    (re.compile(r"\bcolou?rs?\b", re.IGNORECASE), ("colour",)),
]


_ASKS_NAME = re.compile(
    r"^(?:What (?:do|did) (?:you|people) call|Do you know what people call|Which term|What is the word|Can you name"
    r"|Which person|(?:Could you tell me )?[Ww]ho (?:is|was|are|were) (?:the|an?|one)|Do you know the name of"
    r"|(?:Could you tell me|What [a-z]+) the name of|What (?:is|was) [\w ,'-]+ called\?)"
)
# Words of such questions that no document need hold.
_FRAME = frozenset(word_list("call called name named word term know tell person situated regard mean means people"))


def read_answer(question: str, documents: Sequence[VlmDocument]) -> str:
    """The answer in the sentence of ``documents`` that overlaps most; empty if none overlaps enough."""
    asked = _CLOZE_PREFIX.sub("", question)
    question_words = _content_words(asked) - (frozenset() if BLANK in question else _FRAME)
    best, share, named = "", 0.0, ""
    for document in documents:
        title = f"{document.title}: " if document.title else ""
        for piece in document.content.text.split(PLACEHOLDER):
            for sentence in sentences(piece):
                there = _content_words(title + sentence)
                found = sum(word in there or not there.isdisjoint(SAID_AS.get(word, ())) for word in question_words)
                overlap = found / max(len(question_words), 1)
                if overlap > share:
                    best, share, named = sentence, overlap, document.title or ""
    if share < _MIN_SHARE:
        return ""
    if BLANK in question:
        return _between(question, best)
    own = definition(best, named, best) if named and _ASKS_NAME.match(question) else None
    return _span(question, best) if own is None else named if named in best else own.name


def _content_words(text: str) -> set[str]:
    return {word for word in words(text) if word not in STOP_WORDS}


def _between(question: str, sentence: str) -> str:
    """The part of ``sentence`` at the blank of ``question``, found by the words next to the blank."""
    before, _, after = _CLOZE_PREFIX.sub("", question).partition(BLANK)
    left, right = words(before), words(after)
    for size in (4, 3, 2, 1):
        head, tail = left[-size:], right[:size]
        if not head and not tail:
            return ""
        start = r"\W+".join(map(re.escape, head)) + r"\W+" if head else r"^\W*"
        end = r"\W+" + r"\W+".join(map(re.escape, tail)) + r"\b" if tail else r"\W*$"
        match = re.search(rf"(?:\b|^){start}(?P<answer>\S.*?){end}", sentence, re.IGNORECASE)
        if match is not None and len(words(match.group("answer"))) <= _MAX_WORDS:
            return match.group("answer").strip()
    return ""


def _span(question: str, sentence: str) -> str:
    """The best span of ``sentence`` that does not occur in the question."""
    known = _content_words(question)
    spans = [span for span in find_spans(sentence) if not _content_words(span.text) <= known]
    for pattern, kinds in _KINDS_BY_QUESTION_WORD:
        if pattern.search(question):
            spans = [span for span in spans if span.kind in kinds]
            break
    return min(spans, key=_preference).text if spans else ""


def _preference(span: Span) -> tuple[int, int]:
    return (0 if span.kind in ("name", "called", "date", "measure") else 1, span.start)

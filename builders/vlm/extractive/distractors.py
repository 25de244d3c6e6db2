"""Wrong options of the same kind as the key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nyxqa.builders.vlm.extractive.quantities import AMOUNTS, perturbed_amounts, same_format
from nyxqa.builders.vlm.extractive.shared_keys import SharedKeys
from nyxqa.builders.vlm.extractive.spans import find_spans, kind_of_text
from nyxqa.builders.vlm.extractive.vocabulary import (
    PEOPLE,
    PLACES,
    STOP_WORDS,
    alternatives,
    are_synonyms,
    kind_of_word,
)
from nyxqa.builders.vlm.protocol import VlmRequest
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.words import sentences, words

# A word between an article or "of" and the end of its phrase is mostly a noun.
_NOUN = re.compile(
    r"\b(?:the|an?|of) (?:[a-z]+ )?([a-z]{4,})"
    r"(?=[,.;:]| (?:of|in|and|is|was|are|were|on|with|to|for|from|by|that|which)\b)"
)
_BEFORE_A_PLACE = re.compile(r"\b(?:in|at|near|from|to|of) ____")


def wrong_options(ask: VlmRequest, count: int, seed: int, company: SharedKeys) -> list[str]:
    """Up to ``count`` options of the kind of ``ask.answer``, distinct after normalisation, none of them right.

    Words of a vocabulary come first from the keys of ``company``; else what the documents name, then the vocabularies;
    numbers are changed in their own format.
    """
    key = ask.answer.strip()
    question = plain_text(ask.question.text)
    asked = f" {' '.join(words(question))} "
    taken = {normalise_answer(key)}
    options: list[str] = []
    for candidate in _candidates(ask, key, question, seed, company):
        option = _as_written(candidate, key)
        normalised = normalise_answer(option)
        if not normalised or normalised in taken or f" {' '.join(words(option))} " in asked or _overlaps(option, key):
            continue
        taken.add(normalised)
        options.append(option)
        if len(options) == count:
            break
    return options


def _candidates(ask: VlmRequest, key: str, question: str, seed: int, company: SharedKeys) -> Iterator[str]:
    """Candidates by how plausible they are, each group in the order of its lots."""
    kind = kind_of_text(key)

    def drawn(group: Iterable[str]) -> list[str]:
        return sorted(
            dict.fromkeys(group), key=lambda option: (keyed_hash(seed, "choices", f"{ask.key}\x1f{option}"), option)
        )

    if kind_of_word(key) is not None:
        yield from company.offered(ask)
    yield from drawn(_of_documents(ask, kind, key))
    if kind in AMOUNTS:
        yield from perturbed_amounts(key, kind, ask.key, seed)
    yield from drawn(alternatives(key))
    if kind == "name":
        yield from drawn(_known_names(key, question))
    if kind == "term" and " " not in key:
        nouns = _nouns(ask)
        yield from drawn(noun for noun in nouns if noun[-3:] == key[-3:])
        yield from drawn(noun for noun in nouns if noun.endswith("s") == key.endswith("s"))


def _texts(ask: VlmRequest) -> Iterator[str]:
    for document in ask.documents:
        for text in (document.content.text, *(picture.caption for picture in document.content.images)):
            yield from sentences(plain_text(text))


def _of_documents(ask: VlmRequest, kind: str, key: str) -> Iterator[str]:
    """Spans of the documents of the kind of the key, amounts also of its unit and format."""
    for sentence in _texts(ask):
        for span in find_spans(sentence):
            are_synonyms = span.kind == kind or {span.kind, kind} <= {"called", "term"}
            if are_synonyms and (kind not in AMOUNTS or same_format(span.text, key, kind)):
                yield span.text


def _nouns(ask: VlmRequest) -> list[str]:
    found = (match.group(1) for sentence in _texts(ask) for match in _NOUN.finditer(sentence))
    return [word for word in found if word not in STOP_WORDS and kind_of_word(word) is None]


def _known_names(key: str, question: str) -> list[str]:
    """Names that could stand where the key does: places behind a preposition, people for two plain words."""
    if _BEFORE_A_PLACE.search(question) and " " not in key:
        return PLACES
    person = re.fullmatch(r"[^\W\d_]+ [^\W\d_]+", key) and re.search(r"\b(?:by|and|with|under|when) ____", question)
    return PEOPLE if person else []


def _overlaps(option: str, key: str) -> bool:
    """Whether one holds the other, so that both might be right; amounts never do."""
    mine, theirs = set(words(normalise_answer(option))), set(words(normalise_answer(key)))
    return kind_of_text(key) not in AMOUNTS and (mine <= theirs or theirs <= mine or are_synonyms(option, key))


def _as_written(option: str, key: str) -> str:
    """``option`` with the first letter as large as the key's."""
    if key[:1].isupper() and option[:1].islower():
        return option[0].upper() + option[1:]
    if key[:1].islower() and kind_of_word(option.lower()) is not None:
        return option.lower()
    return option

"""Wrong options of the same kind as the key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nyxqa.builders.vlm.extractive.quantities import AMOUNTS, perturbed_amounts, same_format
from nyxqa.builders.vlm.extractive.shared_keys import SharedKeys
from nyxqa.builders.vlm.extractive.spans import find_spans, kind_of_text
from nyxqa.builders.vlm.extractive.tables import same_column
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

# A word between an article or "of" and the end of its phrase is usually a noun.
_NOUN = re.compile(
    r"\b(?:the|an?|of) (?:[a-z]+ )?([a-z]{4,})"
    r"(?=[,.;:]| (?:of|in|and|is|was|are|were|on|with|to|for|from|by|that|which)\b)"
)
_BEFORE_A_PLACE = re.compile(r"\b(?:in|at|near|from|to|of) ____")


def wrong_options(request: VlmRequest, count: int, seed: int, shared_keys: SharedKeys) -> list[str]:
    """Up to ``count`` options of the kind of ``request.answer``, distinct after normalisation, none of them correct.

    A cell of a table gets other cells of its column. Vocabulary words come first from ``shared_keys``, then from the
    documents, then from the vocabularies; numbers are changed in their own format; other keys get those of other
    questions that stand in about as many documents.
    """
    key = request.answer.strip()
    question = plain_text(request.question.text)
    question_words = f" {' '.join(words(question))} "
    captions = f" {' '.join(words(' '.join(image.caption for image in request.question.images)))} "
    used = {normalise_answer(key)}
    options: list[str] = []
    for candidate in _candidates(request, key, question, seed, shared_keys):
        option = _as_written(candidate, key)
        normalised = normalise_answer(option)
        if (
            not normalised
            or normalised in used
            or f" {' '.join(words(option))} " in question_words
            or f" {' '.join(words(option))} " in captions
            or _overlaps(option, key)
        ):
            continue
        used.add(normalised)
        options.append(option)
        if len(options) == count:
            break
    return options


def _candidates(request: VlmRequest, key: str, question: str, seed: int, shared_keys: SharedKeys) -> Iterator[str]:
    """Candidates from most to least plausible, each group in keyed-hash order."""
    kind = kind_of_text(key)

    def shuffled(group: Iterable[str]) -> list[str]:
        return sorted(
            dict.fromkeys(group), key=lambda option: (keyed_hash(seed, "choices", f"{request.key}\x1f{option}"), option)
        )

    if kind_of_word(key) is not None:
        yield from shared_keys.candidates(request)
    elif request.question.images and kind not in AMOUNTS:
        yield from shared_keys.alike(request)
    if not request.question.images:
        yield from shuffled(cell for one in request.documents for cell in same_column(one.content.text, key))
    yield from shuffled(_of_documents(request, kind, key))
    if kind in AMOUNTS:
        yield from perturbed_amounts(key, kind, request.key, seed)
    yield from shuffled(alternatives(key))
    if kind == "name":
        yield from shuffled(_known_names(key, question))
    if kind == "term" and " " not in key:
        nouns = _nouns(request)
        yield from shuffled(noun for noun in nouns if noun[-3:] == key[-3:])
        yield from shuffled(noun for noun in nouns if noun.endswith("s") == key.endswith("s"))
    if kind not in AMOUNTS:
        yield from shared_keys.alike(request)


def _texts(request: VlmRequest) -> Iterator[str]:
    for document in request.documents:
        for text in (document.content.text, *(picture.caption for picture in document.content.images)):
            yield from sentences(plain_text(text))


def _of_documents(request: VlmRequest, kind: str, key: str) -> Iterator[str]:
    """Spans of the documents of the key's kind; amounts must have its unit and format too."""
    for sentence in _texts(request):
        for span in find_spans(sentence):
            same_kind = span.kind == kind or {span.kind, kind} <= {"called", "term"}
            if same_kind and (kind not in AMOUNTS or same_format(span.text, key, kind)):
                yield span.text


def _nouns(request: VlmRequest) -> list[str]:
    nouns = (match.group(1) for sentence in _texts(request) for match in _NOUN.finditer(sentence))
    return [word for word in nouns if word not in STOP_WORDS and kind_of_word(word) is None]


def _known_names(key: str, question: str) -> list[str]:
    """Names that could replace the key: places after a preposition, people if the key is two plain words."""
    if _BEFORE_A_PLACE.search(question) and " " not in key:
        return PLACES
    person = re.fullmatch(r"[^\W\d_]+ [^\W\d_]+", key) and re.search(r"\b(?:by|and|with|under|when) ____", question)
    return PEOPLE if person else []


def _overlaps(option: str, key: str) -> bool:
    """Whether one contains the other, so that both could be correct; never for amounts."""
    option_words, key_words = set(words(normalise_answer(option))), set(words(normalise_answer(key)))
    return kind_of_text(key) not in AMOUNTS and (
        option_words <= key_words or key_words <= option_words or are_synonyms(option, key)
    )


def _as_written(option: str, key: str) -> str:
    """``option`` with the capitalisation of the key."""
    if key[:1].isupper() and option[:1].islower():
        return option[0].upper() + option[1:]
    if key[:1].islower() and kind_of_word(option.lower()) is not None:
        return option.lower()
    return option

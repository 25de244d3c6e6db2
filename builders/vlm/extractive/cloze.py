"""Cloze questions: a sentence that stands on its own, with one telling span blanked out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nyxqa.builders.vlm.extractive.spans import Span, find_spans
from nyxqa.builders.vlm.extractive.vocabulary import STOP_WORDS, word_list
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.words import sentences, words

BLANK = "____"
_MOST_ANSWER_WORDS = 5  # Nyx step 5
_FEWEST, _MOST = 7, 45  # words of a sentence: shorter ones say too little, longer ones cannot be read at a glance
_TITLE_WORDS = 6

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
# A caption is asked for what the eye can see.
_CAPTION_SCORES = _TEXT_SCORES | {
    "colour": 9.5,
    "count": 9,
    "shape": 9,
    "side": 7,
    "orientation": 7.5,
    "direction": 7,
}

# A sentence that opens like this leans on the one before it.
_LEANING = frozenset(
    word_list(
        """it its he his him she her they their them this these those that such there here another other others both one
    some many most several each however therefore thus consequently hence then also instead moreover furthermore
    additionally similarly likewise nevertheless nonetheless meanwhile afterwards later finally first firstly second
    secondly and but or so because which who whose we our you your i my if for example similarly conversely today
    currently now since superimposed according neither either all"""
    )
)
_BACKWARD = re.compile(
    r"\b(?:this|these|those|aforementioned|former|latter|above|below|such)\b"
    r"|\b(?:as|see|mentioned|noted|described) (?:above|below|earlier|previously)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:it|its|he|his|him|she|her|they|their|them|we|our|you|your|I|my)\b")
# Questions that speak of the page itself make no sense without it.
_ABOUT_THE_PAGE = re.compile(
    r"\b(?:texts?|authors?|documents?|passages?|articles?|paragraphs?|contexts?|images?|pictures?|photos?|captions?"
    r"|pages?|click|website)\b",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|Dr|Mr|Mrs|Ms|St|Sr|Jr|Prof|Gen|Col|Lt|Mt|No|vs|ca?|cf|e\.g|i\.e|approx|fl|etc|pop|lit|b|d|r|Inc|Ltd|Co"
    r"|[A-Z]\.[A-Z]))\.$"
)
# Bibliographies, code and tables are no prose: surnames with initials, journals, or signs no sentence has.
_REFERENCE = re.compile(
    r"\b[A-Z][\w'\u2019-]+, [A-Z]\.|\b[A-Z]\. ?[A-Z][\w-]+, (?:and )?[A-Z]\.|&|\bet al\b"
    r"|\b(?:doi|DOI|arXiv|ISBN|ISSN)\b"
    r"|\b(?:[Vv]ols?|pp?|[Nn]os?|[Ee]ds?|Proc|Conf|Trans|Appl|Int)\.|\b(?:In )?Proceedings\b|\bIEEE Transactions\b"
)
_CODE = re.compile(r"[|#={}\\]|>>>|\(\)|::|\w\.\w+\.\w|\w_\w")
_BULLET = re.compile(r"^(?:[-*\u2022\u2013+>]|\d{1,2}[.)])\s+")
_CITATION = re.compile(r"\s*\[\d{1,3}(?:\s*[,\u2013-]\s*\d{1,3})*\]")
# Every sentence has a verb; what has none of these endings and helpers is a heading or a label.
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|can|could|may|might|must|will|would|shall|should|do|does|did|\w+ed"
    r"|[a-z]{2,}s)\b"
)
_LIST = re.compile(
    r"(?:^|,)(?:\s*[^\s,]+){1,3},(?:\s*[^\s,]+){1,3},(?:\s*[^\s,]+){1,3}(?:,|$)"
)  # labels of a figure's parts
_FILE_NAME = re.compile(r"\.(?:jpe?g|png|gif|webp|svg|bmp)\b|_|https?:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cloze:
    """A sentence with a blank.

    :param text: The sentence with ``____`` in place of the answer.
    :param answer: What stood there, at most five words.
    :param score: How much one would want to ask it.
    :param place: Ordinal of the sentence.
    """

    text: str
    answer: str
    kind: str
    score: float
    place: int


def whole_sentences(text: str) -> list[str]:
    """Sentences of ``text`` that begin and end as sentences do, put together again behind abbreviations."""
    found: list[str] = []
    for piece in text.split(PLACEHOLDER):
        pending = ""
        for sentence in map(_bare, sentences(piece)):
            pending = f"{pending} {sentence}" if pending else " ".join(sentence.split())
            if not _ABBREVIATION.search(pending):
                found.append(pending)
                pending = ""
        if pending:
            found.append(pending)
    return [s for s in found if re.search(r"[.!?\u3002]['\"\u201d\u2019)\]]*$", s) and not s[0].islower()]


def _bare(sentence: str) -> str:
    """``sentence`` without its bullet and its citation marks."""
    return _CITATION.sub("", _BULLET.sub("", sentence))


def text_clozes(text: str, title: str | None) -> Iterator[Cloze]:
    """Every acceptable cloze of the sentences of ``text``, the title put before those that do not name it."""
    name = _usable_title(title)
    for place, sentence in enumerate(whole_sentences(text)):
        if not is_self_contained(sentence):
            continue
        for cloze in _clozes(sentence, find_spans(sentence), place, _TEXT_SCORES, name):
            if name and (cloze.kind == "subject" or _names(sentence, name)):
                yield cloze
            elif name and not _gives_away(name, cloze.answer):
                yield Cloze(f"{name}: {cloze.text}", cloze.answer, cloze.kind, cloze.score - 1, place)
            elif not name and _names_something(cloze.text):
                yield cloze


def is_prose(caption: str) -> bool:
    """Whether a caption is prose: no file name, no formula, no list of the labels of a figure's parts."""
    return bool(caption.strip()) and not (_FILE_NAME.search(caption) or _CODE.search(caption) or _LIST.search(caption))


def caption_clozes(caption: str, place: int) -> Iterator[Cloze]:
    """Every acceptable cloze of the first sentence of a caption; a file name or a bare label gives none."""
    if not is_prose(caption):
        return
    sentence = " ".join((sentences(caption) or [""])[0].split())
    if len(words(sentence)) >= _FEWEST and is_self_contained(sentence, caption=True):
        yield from _clozes(sentence, find_spans(sentence), place, _CAPTION_SCORES, None)


def is_self_contained(sentence: str, caption: bool = False) -> bool:
    """Whether a reader who sees nothing else knows what ``sentence`` speaks of."""
    word_list = words(sentence)
    if not _FEWEST <= len(word_list) <= _MOST or _ABOUT_THE_PAGE.search(sentence) or BLANK[:2] in sentence:
        return False
    if not caption and (_REFERENCE.search(sentence) or _CODE.search(sentence) or not _VERB.search(sentence)):
        return False
    if sentence.count("(") != sentence.count(")") or sentence.count('"') % 2 or "<" in sentence:
        return False
    if word_list[0] in _LEANING or (_BACKWARD.search(sentence) and not caption):
        return False
    pronoun = _PRONOUN.search(sentence)
    return pronoun is None or any(span.end <= pronoun.start() for span in find_spans(sentence) if span.kind == "name")


def _clozes(
    sentence: str, spans: list[Span], place: int, scores: dict[str, float], title: str | None
) -> Iterator[Cloze]:
    subject = _subject(sentence, title)
    if subject is not None:
        spans = [subject, *(span for span in spans if span.start >= subject.end)]
    for span in spans:
        if span.kind not in scores or len(words(span.text)) > _MOST_ANSWER_WORDS:
            continue
        before, after = sentence[: span.start], sentence[span.end :]
        if _spoiled(before, span, after):
            continue
        score = scores[span.kind] + _bonus(before, span, after)
        yield Cloze(f"{before}{BLANK}{after}", span.text, span.kind, score, place)


def _subject(sentence: str, title: str | None) -> Span | None:
    """The title where the sentence opens by defining it."""
    if title is None:
        return None
    match = re.match(
        rf"(?:(?:The|An?) )?(?P<title>{re.escape(title)})(?= (?:is|was|are|were) )", sentence, re.IGNORECASE
    )
    return None if match is None else Span(match.start("title"), match.end("title"), match.group("title"), "subject")


def _spoiled(before: str, span: Span, after: str) -> bool:
    """Whether the blank cannot be asked: the rest gives the answer away, or the span is part of something larger."""
    if _gives_away(before + " " + after, span.text):
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
    """Whether a neighbour with a capital, a quote between or not, belongs to the same name."""
    last = _NAME_BEFORE.search(before)
    return (last is not None and last.group("word").lower() not in STOP_WORDS) or _NAME_BEHIND.match(after) is not None


def _gives_away(rest: str, answer: str) -> bool:
    """Whether a word of ``answer`` that means something, or one of its family, stands in ``rest``."""
    others = words(rest)
    for word in words(normalise_answer(answer)):
        if word in STOP_WORDS:
            continue
        if word in others and (word.isdigit() or len(word) > 2):
            return not _is_unit(word)
        if len(word) > 4 and any(other[:5] == word[:5] for other in others) and not _is_unit(word):
            return True
    return not normalise_answer(answer)


_NAME_BEFORE = re.compile(r"\b(?P<word>[A-Z][^\W\d_]*)[\"\u201d]? [\"\u201c]?$")
_NAME_BEHIND = re.compile(r"[\"\u201d]? (?:[A-Z]|al-|d[aeiou]s? )|\.[A-Z]")
_AMOUNTS = frozenset({"number", "count", "measure"})
_DIRECTION = re.compile(r"\b(?:north|south|east|west)")
_UNITS = frozenset(
    word_list("percent degrees celsius kilometres kilometers metres meters square million billion years")
)


def _is_unit(word: str) -> bool:
    return word in _UNITS


def _bonus(before: str, span: Span, after: str) -> float:
    bonus = 0.0
    if span.kind == "name":
        bonus += 0.7 if " " in span.text else 0
        # A lone capitalised word before a small one is mostly an adjective.
        if " " not in span.text and re.match(r" [a-z]", after) and re.search(r"(?:ese|ish|an|ic|al)$", span.text):
            bonus -= 3
    if before.count("(") > before.count(")"):
        bonus -= 3
    if len(before) > len(after):
        bonus += 0.5
    if len(words(before + after)) > 32:
        bonus -= 1
    return bonus


def _usable_title(title: str | None) -> str | None:
    """The title without a bracketed qualifier, where it is a short name."""
    if title is None:
        return None
    plain = re.sub(r"\s*\([^)]*\)\s*$", "", " ".join(title.split()))
    usable = plain and len(words(plain)) <= _TITLE_WORDS and ":" not in plain and not _ABOUT_THE_PAGE.search(plain)
    return plain if usable else None


def _names(sentence: str, title: str) -> bool:
    """Whether every telling word of ``title`` stands in ``sentence``."""
    found = set(words(sentence))
    return all(word in found or word in STOP_WORDS for word in words(title))


def _names_something(cloze: str) -> bool:
    """Whether what is left still holds a name."""
    return any(span.kind in ("name", "country", "city", "planet", "ocean") for span in find_spans(cloze))

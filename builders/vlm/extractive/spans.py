"""Finds the spans of a sentence that can be answers, each with its kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nyxqa.builders.vlm.extractive.vocabulary import MONTHS, STOP_WORDS, WEEKDAYS, kind_of_word, word_list

_MONTH = "|".join(MONTHS)
_BEFORE_NUMBER, _AFTER_NUMBER = r"(?<![\w.,:/\u2013-])", r"(?![\w:/\u2013-]|[.,]\d)"
_MINUS = r"(?:(?<![\w)] )minus |(?<=(?:at|of|to) )minus )?"
_NUMBER = rf"{_MINUS}{_BEFORE_NUMBER}[-\u2212]?\d+(?:,\d{{3}})*(?:\.\d+)?{_AFTER_NUMBER}"
_SCALE = r"(?:hundred|thousand|million|billion|trillion)"
_UNIT = (
    r"(?:(?:square|cubic|nautical|astronomical|light) )?"
    r"(?:%|percent|per cent|\u00b0\s?[CF]|degrees?(?: Celsius| Fahrenheit)?|metres per second|km2|km|cm|mm|nm|kg|mi|ft"
    r"|(?:kilo|centi|milli|micro|nano|pico)?(?:met(?:re|er)|gram|litre|liter|watt)s?"
    r"|miles?|feet|inch(?:es)?|acres?|hectares?|tonnes?|tons?|pounds?|seconds?|minutes?|hours?|days?|weeks?|months?"
    r"|years?|centuries|decades|bar|kelvin|K|volts?|hertz|units?|people|inhabitants|residents|speakers|species|countries"
    r"|members|islands|moons|light-years|dollars|euros)(?![\w-])"
)
_PATTERNS = [
    (
        "date",
        re.compile(
            rf"\b\d{{1,2}} (?:{_MONTH})(?: \d{{3,4}}(?: BC)?)?\b"
            rf"|\b(?:{_MONTH}) \d{{1,2}}, \d{{3,4}}\b|\b(?:{_MONTH}) \d{{3,4}}\b"
        ),
    ),
    ("measure", re.compile(rf"{_NUMBER}(?: {_SCALE})? ?{_UNIT}|{_NUMBER} {_SCALE}\b")),
    ("ratio", re.compile(r"(?<![\w.:/])\d+(?::|/)\d+(?![\w:/])")),
    ("year", re.compile(r"(?<![\w.,:/\u2013-])(?:1\d{3}|20\d{2})(?![\w:/\u2013-]|[.,]\d)(?: BC)?")),
    ("rank", re.compile(r"(?<![\w.,-])\d{1,3}(?:st|nd|rd|th)\b")),
    ("number", re.compile(_NUMBER)),
]
_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")
_CONNECTORS = frozenset(word_list("of the de la du da di del do dos das van von der den al"))
_CALLED = re.compile(
    r"\b(?:called|named|termed|nicknamed|(?:known|referred to) as) (?:the |an? )?(?P<term>[^\W\d_][\w'\u2019 -]*)"
)
_TERM = re.compile(
    r"(?<![\w-])[a-z]{3,}(?:ology|ography|onomy|ometry|ism|ation|ition|ysis|omics|istry|ynamics|itecture|oxide|ammals?)"
    r"(?![\w-])"
)
_PLAIN = frozenset(
    word_list(
        """addition application combination composition condition definition foundation generation information
    interpretation introduction mechanism nation nations operation organisation organization population position
    production reputation relation situation tradition transition variation edition location creation station"""
    )
)
_NOT_NAMES = frozenset([*MONTHS, *WEEKDAYS, *word_list("I BC AD CE BCE True False None Note See")])


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a sentence.

    :param start: First character.
    :param end: Position after its last character.
    :param kind: ``date``, ``measure``, ``name``, ``term``, ... or the vocabulary that lists it.
    """

    start: int
    end: int
    text: str
    kind: str


def find_spans(sentence: str) -> list[Span]:
    """Spans of ``sentence`` by position; of two that overlap the more specific kind remains."""
    chosen: list[Span] = []
    for span in _all_spans(sentence):
        if all(span.end <= other.start or span.start >= other.end for other in chosen):
            chosen.append(span)
    return sorted(chosen, key=lambda span: span.start)


def kind_of_text(text: str) -> str:
    """The kind of a complete answer; ``term`` if nothing indicates another."""
    word_list = kind_of_word(text)
    if word_list is not None:
        return word_list
    for kind, pattern in _PATTERNS:
        if pattern.fullmatch(text):
            return kind
    tokens = text.split()
    return "name" if tokens and all(t[:1].isupper() or t in _CONNECTORS for t in tokens) else "term"


def _all_spans(sentence: str) -> Iterator[Span]:
    for kind, pattern in _PATTERNS[:4]:
        for match in pattern.finditer(sentence):
            yield Span(match.start(), match.end(), match.group(), kind)
    yield from _called(sentence)
    yield from _names(sentence)
    for kind, pattern in _PATTERNS[4:]:
        for match in pattern.finditer(sentence):
            yield Span(match.start(), match.end(), match.group(), kind)
    for match in _WORD.finditer(sentence):
        word_list = kind_of_word(match.group())
        if word_list is not None:
            yield Span(match.start(), match.end(), match.group(), word_list)
    for match in _TERM.finditer(sentence):
        if match.group() in _PLAIN:
            continue
        yield Span(match.start(), match.end(), match.group(), "term")


def _called(sentence: str) -> Iterator[Span]:
    """Terms that the sentence introduces as names: up to three words after ``called``, up to the next stop word."""
    for match in _CALLED.finditer(sentence):
        end = start = match.start("term")
        for number, word in enumerate(_WORD.finditer(sentence, start)):
            if number == 3 or word.group().lower() in STOP_WORDS or (number and sentence[end : word.start()] != " "):
                break
            end = word.end()
        if end > start and not sentence[start].isupper():
            yield Span(start, end, sentence[start:end], "called")


def _names(sentence: str) -> Iterator[Span]:
    """Runs of capitalised words; connectors such as ``of`` may occur inside but not at the edges."""
    run: list[re.Match[str]] = []
    for match in [*_WORD.finditer(sentence), None]:
        if match is not None and run and sentence[run[-1].end() : match.start()] != " ":
            yield from _name(sentence, run)
            run = []
        if match is not None and (_is_capital(match.group()) or (run and match.group() in _CONNECTORS)):
            run.append(match)
        elif run:
            yield from _name(sentence, run)
            run = []


def _name(sentence: str, run: list[re.Match[str]]) -> Iterator[Span]:
    while run and not _is_capital(run[-1].group()):
        run = run[:-1]
    while run and (run[0].group().lower() in STOP_WORDS or run[0].group() in _NOT_NAMES):
        run = run[1:]
        while run and run[0].group() in _CONNECTORS:
            run = run[1:]
    if not run:
        return
    start, end = run[0].start(), run[-1].end()
    text = sentence[start:end]
    for tail in ("'s", "\u2019s"):
        text = text.removesuffix(tail)
    if len(run) == 1 and (start == 0 or sentence[:start].endswith((": ", ". ", "\u2018", "\u201c", '"'))):
        return  # any word is capitalised there
    if len(text) > 2:
        yield Span(start, start + len(text), text, kind_of_word(text) or "name")


def _is_capital(word: str) -> bool:
    return all(part[:1].isupper() for part in word.split("-"))

"""Questions about the sentences of a document: asked in other words where possible, else with a blank."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from nyxqa.builders.vlm.extractive.clauses import clause_questions, general_subject
from nyxqa.builders.vlm.extractive.cloze import BLANK, Cloze, clozes_of, gives_away, text_clozes, usable_title
from nyxqa.builders.vlm.extractive.definitions import Definition, defined_name, definition, definition_questions
from nyxqa.builders.vlm.extractive.lexicon import reworded
from nyxqa.builders.vlm.extractive.self_contained import complete_sentences, is_self_contained
from nyxqa.builders.vlm.extractive.vocabulary import STOP_WORDS, kind_of_word
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.words import words

_DEFINED, _ASKED = 12.0, 2.0
_FOR_EACH_CLOZE, _CLOZES_ALONE = 3, 2  # questions in other words for each cloze; clozes where there is none
_MAX_ANSWER_WORDS = 5
_PRONOUNS = ("He", "She", "It")

_FRONTED = 15  # characters: an earlier place stands in front of the subject
_REIGN = re.compile(r"\b(?:king|queen|emperor|empress|sultan|pharaoh|tsar|shah|reign\w*|ruled|ruling)\b", re.IGNORECASE)
_LASTED = frozenset(["war", "revolution", "rebellion", "conflict", "period", "empire", "dynasty", "kingdom"])
_TWICE = re.compile(r"\b(?:twice|again)\b|\d.*\d.*\d{3}.*\bto $")
_FROM = re.compile(r"\bfrom (?:\d{1,2} )?(?:[A-Z]\w+ )?\d{3,4} (?:to|until) $")

COPIED = 0.8  # share of a question's words that may stand in its document


def text_questions(text: str, title: str | None) -> Iterator[Cloze]:
    """Questions of ``text`` that copy little of it; where there is none, clozes of its sentences."""
    title = title if usable_title(title) is not None else _first_defined(text)
    found = list(_reworded(text, title))
    asked = {normalise_answer(one.answer) for one in found}
    clozes = sorted(text_clozes(text, title), key=lambda cloze: (-cloze.score, cloze.place, cloze.text))
    others = [cloze for cloze in clozes if normalise_answer(cloze.answer) not in asked]
    told = _tells_of_title(text, title)
    kept = len(asked) // _FOR_EACH_CLOZE if asked else 1 if told or title is None else _CLOZES_ALONE
    yield from found
    yield from (replace(cloze, score=cloze.score - _ASKED) for cloze in _of_several_sentences(others)[:kept])


def _first_defined(text: str) -> str | None:
    """The name that the first sentence defines."""
    first = next(iter(complete_sentences(text)), "")
    return defined_name(first) if first else None


def _tells_of_title(text: str, title: str | None) -> bool:
    """Whether ``text`` holds the last word of its title, so that its sentences tell of it."""
    name = usable_title(title)
    return name is not None and words(name)[-1] in words(text)


def _of_several_sentences(clozes: list[Cloze]) -> list[Cloze]:
    """The best cloze of each sentence, in their order, before the others."""
    first: dict[int, Cloze] = {}
    for cloze in clozes:
        first.setdefault(cloze.place, cloze)
    best = list(first.values())
    return [*best, *(cloze for cloze in clozes if cloze not in best)]


def _reworded(text: str, title: str | None) -> Iterator[Cloze]:
    name = usable_title(title)
    known = frozenset(words(f"{title or ''}\n{text}"))
    own: Definition | None = None
    about = False  # whether the last sentence is about the title
    for place, sentence in enumerate(complete_sentences(text)):
        alone, defined = is_self_contained(sentence), ""
        if own is None and name is not None and (own := definition(sentence, name, text)) is not None:
            alone = True  # it says what the title is, whatever words it uses
            defined = own.be
            yield from _of_title(own, name if name in text else own.name, name, place, known)
        names, subject = ((), "") if name is None else _subjects(sentence, name, own, about)
        about = bool(names)
        if names and (alone or names[0] in _PRONOUNS):
            yield from _of_clauses(sentence, place, names, subject, known, own, defined)
        elif alone and (named := general_subject(sentence)):
            yield from _of_others(sentence, place, named, name, text, known)


def _of_title(own: Definition, name: str, title: str, place: int, known: frozenset[str]) -> Iterator[Cloze]:
    last = words(title)[-1]
    is_called = {last, f"{last}s", last.removesuffix("s")} & set(words(name))
    if len(words(name)) > _MAX_ANSWER_WORDS or not is_called:
        return
    ways = [way for way in definition_questions(own) if not _spells(way, name)]
    asked = least_copied(ways, known)
    if asked is not None and not _spells(asked, name):
        yield Cloze(asked, name, "subject", _DEFINED, place)


def _spells(question: str, name: str) -> bool:
    """Whether a question spells what tells the name from others of its kind: all but a common last noun."""
    told = [word for word in _plain(name) if word not in STOP_WORDS]
    there = set(_plain(question))
    stems = {word[:5] for word in there}
    open_words = [word for word in told if word not in there and (len(word) < 5 or word[:5] not in stems)]
    return not open_words or (len(open_words) < len(told) and told[0] not in open_words)


def _plain(text: str) -> list[str]:
    return [word.removesuffix("'s").removesuffix("\u2019s") for word in words(text)]


def _subjects(sentence: str, name: str, own: Definition | None, about: bool) -> tuple[tuple[str, ...], str]:
    """What this sentence may call the title at its beginning, and what a question calls it."""
    subject = name if own is None else own.subject
    forms = [f"The {name}", f"A {name}", f"An {name}", name]
    if own is not None:
        forms = [f"The {own.name}", f"A {own.name}", f"An {own.name}", own.name, *forms]
        forms += [f"The {own.head[-1]}"] if own.head else []
        if own.is_person:
            forms.append(own.name.split()[-1])
    forms = [
        form for form in dict.fromkeys(forms) if sentence.lower().startswith((f"{form.lower()} ", f"{form.lower()},"))
    ]
    if not forms and about and own is not None:
        pronouns = ("He", "She") if own.is_person else ("It",)
        forms = [word for word in pronouns if sentence.startswith(f"{word} ") and own.be in ("is", "was")]
    return tuple(forms), subject


def _of_clauses(
    sentence: str,
    place: int,
    names: tuple[str, ...],
    subject: str,
    known: frozenset[str],
    own: Definition | None,
    defined: str,
) -> Iterator[Cloze]:
    head = () if own is None else own.head
    for cloze in clozes_of(sentence, place):
        before, _, after = cloze.text.partition(BLANK)
        ways = chain(
            clause_questions(before, cloze.answer, cloze.kind, after, subject, names, defined),
            told_of_place(before, cloze.kind, after),
            until_when(before, cloze.kind, subject, head),
        )
        yield from _asked(cloze, ways, known)


def _of_others(
    sentence: str, place: int, named: str, name: str | None, text: str, known: frozenset[str]
) -> Iterator[Cloze]:
    """Questions about a subject that is not the title; the title says what they are about."""
    first = named.split(" ")[0]
    inside = re.search(rf"[a-z,] {re.escape(first)}\b", text) is not None
    lower = first in ("The", "A", "An") or f" {first.lower()}" in text or (first == named and not inside)
    subject = named[:1].lower() + named[1:] if lower else named
    for cloze in clozes_of(sentence, place):
        before, _, after = cloze.text.partition(BLANK)
        ways: Iterable[str] = clause_questions(before, cloze.answer, cloze.kind, after, subject, [named])
        if name is not None:
            ways = chain(of_which_language(before, cloze.kind, after, name), ways)
        shares = name is not None and set(words(name)) & set(words(named))
        if name is not None and not (shares and (shares == set(words(name)) or (named[:1].isupper() and not lower))):
            ways = (way if name in way else f"With regard to {name}, {way[:1].lower()}{way[1:]}" for way in ways)
        elif name is None and not any(token[:1].isupper() for token in subject.split()):
            return
        for one in _asked(cloze, chain(ways, told_of_place(before, cloze.kind, after)), known):
            yield replace(one, score=one.score - 1)


def _asked(cloze: Cloze, ways: Iterable[str], known: frozenset[str]) -> Iterator[Cloze]:
    asked = least_copied((way for way in ways if not gives_away(way, cloze.answer)), known)
    if asked is not None:
        yield replace(cloze, text=asked, score=cloze.score + _ASKED)


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


def copied_share(question: str, known: frozenset[str]) -> float:
    """Share of the words of ``question`` that are in ``known``."""
    asked = words(question)
    return sum(word in known for word in asked) / max(len(asked), 1)


def least_copied(ways: Iterable[str], known: frozenset[str]) -> str | None:
    """The first way, or rewording of one, that copies at most ``COPIED`` of its words; None if all copy more."""
    plain = [" ".join(way.replace(" ?", "?").split()) for way in ways]
    every = chain(plain, chain.from_iterable(map(reworded, plain)))
    return next((text for text in every if copied_share(text, known) <= COPIED), None)

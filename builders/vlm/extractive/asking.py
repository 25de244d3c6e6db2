"""The question words for what a clause leaves open, by its kind and the preposition before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nyxqa.builders.vlm.extractive.lexicon import CLASS_OF, PERSONS
from nyxqa.builders.vlm.extractive.verbs import PARTICIPLES
from nyxqa.builders.vlm.extractive.vocabulary import word_list
from nyxqa.schemas.words import words

BE = word_list("is was are were")
PREPOSITIONS = word_list(
    "in on at by from to of for with under into near against within during through over after before since until as "
    "around among across along between towards toward onto upon behind beyond"
)
_ROUGHLY = re.compile(
    r"\s*\b(?:around|about|approximately|nearly|almost|roughly|some|over|at least|more than|only|up to|c\.|circa"
    r"|an estimated)\s*$"
)
_END = re.compile(
    r"^(?:[.!?;]|,(?! (?:and|or) )| (?:in|on|at|by|from|to|for|with|under|into|near|against|within|during|through|after"
    r"|before|since|until|as|when|where|while|who|which|that|and (?:is|was|has|had|the [a-z]+ (?:is|was))|is|was|are"
    r"|were)\b|$)"
)
_NOUN = re.compile(
    r"^ (?P<noun>(?:[a-z][\w-]+ ){0,1}[a-z][\w-]+s|people|inhabitants|men|women|children)\b(?! of these)"
)
_LAST_PREPOSITION = re.compile(rf"^(?:.*\s)?(?P<prep>{'|'.join(PREPOSITIONS)})(?P<described>(?: [^\s]+){{0,5}})$")
_PLACE = frozenset({"in", "at", "near", "into", "from", "to", "within", "across"})
_KIND_NOUN = {
    "country": "country", "city": "city", "continent": "continent", "ocean": "ocean", "planet": "planet",
    "element": "chemical element", "language": "language", "direction": "direction", "month": "month",
    "weekday": "day of the week", "colour": "colour", "shape": "shape",
}  # fmt: skip
_TIMES = ("year", "date", "month", "weekday")
# Nouns that stand before a name and say what it is.
_APPOSED = PERSONS | set(
    word_list(
        "family genus order class phylum subfamily constellation province state city town village region district "
        "county country kingdom island river lake sea god goddess deity dynasty magazine newspaper novel film album "
        "series ship band group university company organisation organization club team tribe clan people word phrase "
        "name title"
    )
)
_FOUND_AT = frozenset({"located", "situated", "held", "based", "found", "buried", "headquartered"})
# What lies in a place, and "of" which a place is wanted.
_PLACES = frozenset(
    word_list(
        "city town village municipality region province part island district county area settlement port river lake "
        "mountain peninsula park museum building university neighbourhood suburb volcano range desert castle palace "
        "temple church"
    )
)
_MADE = [
    (
        re.compile(r"\b(?:novel|novella|books?|plays?|poems?|stories|treatise|essay|tragedy|comedy|satire|story)\b"),
        "Who wrote",
    ),
    (re.compile(r"\b(?:opera|symphony|ballet|concerto|concerti|song|sonata|requiem)\b"), "Who composed"),
    (re.compile(r"\b(?:film|movie)\b"), "Who directed"),
    (re.compile(r"\b(?:painting|portrait|fresco|mural)\b"), "Who painted"),
    (re.compile(r"\b(?:sculpture|statue|print|woodblock)\b"), "Which artist made"),
    (re.compile(r"\b(?:album)\b"), "Who recorded"),
]
_UNIT = re.compile(
    r"(?P<unit>people|inhabitants|residents|speakers|species|countries|members|islands|moons|years|days|months"
    r"|kilomet(?:re|er)s|met(?:re|er)s|miles|km2|km|feet|million|billion)$"
)
_DID = ("did", "does", "do")
_ALONE = frozenset(
    word_list(
        "die begin end open emerge appear happen occur arrive start fall rise retire resign graduate marry collapse "
        "cease return"
    )
)
_OF_PERSONS = frozenset({"by", "with", "after", "under", "against", "to", "of"})
_FRONTED = frozenset({"of", "for", "with", "from", "to", "in", "on", "under", "during", "against"})
_INCOMPLETE = frozenset({"one", "some", "many", "most", "part", "member"})
_SINCE = re.compile(r"\s*\bfrom (?:\d{1,2} )?(?:[A-Z]\w+ )?\d{3,4}$")
_NO_PLACES = frozenset(
    word_list("conflict conflicts award upheaval agreement age period competition contest clash law")
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause whose verb stands before its subject, with a blank behind ``rest``.

    :param aux: The auxiliary that stands before the subject.
    :param rest: What stands between the subject and the blank.
    :param answer: What stands in the blank, of this ``kind``.
    :param after: What stands behind the blank.
    """

    aux: str
    subject: str
    rest: str
    answer: str
    kind: str
    after: str

    def asks(self, wanted: str, rest: str) -> str:
        """The question that begins with the words ``wanted`` and keeps ``rest``."""
        return f"{wanted} {self.aux} {self.subject} {rest}?"

    @property
    def is_done(self) -> bool:
        """Whether the auxiliary is a form of "do"."""
        return self.aux in _DID


def asked_for(clause: Clause) -> Iterator[str]:
    """Ways to ask for what stands in the blank."""
    if clause.kind == "people":
        yield from _nationality(clause)
    elif clause.kind in ("count", "number", "measure"):
        yield from _amounts(clause, _ROUGHLY.sub("", clause.rest).strip())
    elif clause.kind != "trade" and _END.match(clause.after):
        found = _LAST_PREPOSITION.match(clause.rest)
        if found is None:
            yield from _object(clause)
            return
        prep, head = found["prep"], clause.rest[: found.start("prep")].strip()
        described = re.sub(r"^ (?:the|an?)\b", "", found["described"]).strip()
        if prep == "between" or (not head and clause.is_done):
            return
        if described:
            yield from _described(clause, head, prep, described)
        elif clause.kind in _TIMES:
            yield from _times(clause, head, prep)
        elif clause.kind in (*_KIND_NOUN, "name", "called", "term"):
            yield from _prepositional(clause, head, prep)


def _object(clause: Clause) -> Iterator[str]:
    """Asks for the object of a verb that stands alone."""
    rest = re.sub(r" (?:an?|the)$", "", clause.rest)
    if clause.is_done and re.fullmatch(r"[a-z]+", rest):
        yield clause.asks(_which(clause, ""), rest)
    elif clause.aux in BE and re.fullmatch(r"(?:[a-z]+ )?(?:called|named|known as|termed)", rest):
        yield clause.asks("What", rest)


def _described(clause: Clause, head: str, prep: str, described: str) -> Iterator[str]:
    """Asks with the noun that stands before a name and says what it is."""
    if prep == "by" and clause.kind == "name" and clause.aux in BE and head.startswith(("a ", "an ")):
        yield from (f"{asks} {clause.subject}?" for pattern, asks in _MADE if pattern.search(head))
        return
    plain = re.fullmatch(r"[a-z][a-z-]*(?: [a-z-]+){0,3}", described) is not None
    if plain and clause.kind in ("name", "called") and described.split()[-1] in _APPOSED and head:
        yield clause.asks(f"{prep.capitalize()} which {described}", head)
        yield clause.asks(f"Which {described}", f"{head} {prep}")


def _times(clause: Clause, head: str, prep: str) -> Iterator[str]:
    if clause.aux in BE and re.match(r"^(?:an?|the|one of the) ", head):
        made = head.split()[-1]
        if prep in ("in", "on") and made in PARTICIPLES:
            yield f"When {'were' if clause.aux in ('are', 'were') else 'was'} {clause.subject} {made}?"
    elif clause.is_done and " " not in head and head not in _ALONE:
        return  # the verb wants an object, which stands behind the blank
    elif prep in ("in", "on"):
        yield clause.asks("When", head)
        yield clause.asks(f"In what {clause.kind if clause.kind in ('year', 'month') else 'year and month'}", head)
    elif prep in ("since", "until"):
        yield clause.asks(f"{prep.capitalize()} when", head)
    elif prep == "to" and _SINCE.search(head):
        yield clause.asks("Until when", _SINCE.sub("", head))
    elif prep == "from":
        yield clause.asks("Since when", head)


def _prepositional(clause: Clause, head: str, prep: str) -> Iterator[str]:
    last = head.split()[-1] if head else ""
    is_thing = clause.aux in BE and head.startswith(("a ", "an "))
    if (clause.kind == "direction" and prep == "to") or last in _INCOMPLETE or last.endswith("est"):
        return
    if prep == "by" and is_thing:
        yield from (f"{asks} {clause.subject}?" for pattern, asks in _MADE if pattern.search(head))
    elif prep == "by" and clause.kind == "name" and last in PARTICIPLES:
        yield clause.asks("By whom" if _is_person(clause.answer) else "By whom or what", head)
    elif prep in _PLACE and clause.kind in ("name", "country", "city", "continent", "ocean") and _is_place(clause):
        yield from _places(clause, head, prep, last, is_thing)
    else:
        which = _which(clause, prep)
        if which == "What" and prep == "of" and last in _PLACES:
            which = "Which place"
        elif which == "What" and clause.kind == "name" and prep in _OF_PERSONS and _is_person(clause.answer):
            which = "Who or what"
        if " and " in f" {head} " and clause.aux in _DID:
            return
        if not is_thing or which == "Which place":
            yield clause.asks(which, f"{head} {prep}")
            if prep in _FRONTED and which != "Who or what":
                yield clause.asks(f"{prep.capitalize()} {which.lower()}", head)


def _places(clause: Clause, head: str, prep: str, last: str, is_thing: bool) -> Iterator[str]:
    which = f"{prep.capitalize()} {_which(clause, prep).lower()}"
    if is_thing:
        if prep in ("in", "at") and last in _PLACES:
            yield clause.asks("Where", "situated")
            yield f"{which} can you find {clause.subject}?"
        return
    if prep in ("in", "at") and last in _FOUND_AT:
        yield clause.asks("Where", head)
    yield clause.asks(which, head)


def _nationality(clause: Clause) -> Iterator[str]:
    noun = re.match(r"^ ((?:[a-z][\w-]+ ){0,2}[a-z][\w-]+)", clause.after)
    is_person = noun is not None and not PERSONS.isdisjoint(words(noun[1]))
    if clause.aux in ("is", "was") and clause.rest in ("a", "an") and is_person:
        yield f"What nationality {clause.aux} {clause.subject}?"
        yield f"What {clause.aux} the nationality of {clause.subject}?"


def _amounts(clause: Clause, rest: str) -> Iterator[str]:
    """Asks how many there are of what is counted or measured."""
    size = re.match(r" (?P<size>long|high|tall|wide|deep|old|thick|heavy)\b", clause.after)
    if size is not None and clause.aux in BE and not rest and clause.kind == "measure":
        yield clause.asks(f"How {size['size']}", "")
        return
    unit, behind = _UNIT.search(clause.answer), _NOUN.match(clause.after)
    if clause.kind == "measure" and unit is None:
        return
    if re.search(r"\bpopulation of$", rest):
        yield f"How many people live in {clause.subject}?"
        return
    counted = unit["unit"] if clause.kind == "measure" and unit is not None else ""
    noun = behind["noun"] if behind is not None and counted in ("", "million", "billion") else counted
    prep = _LAST_PREPOSITION.match(rest)
    if noun in ("", "million", "billion"):
        return
    if prep is None:
        if clause.is_done and len(rest.split()) == 1:
            yield clause.asks(f"How many {noun}", rest)
        return
    head = rest[: prep.start("prep")].strip()
    if not prep["described"] and " " not in head and head and (clause.aux not in BE or head in PARTICIPLES):
        yield clause.asks(f"How many {noun}", f"{head} {prep['prep']}")


def _is_person(answer: str) -> bool:
    tokens = answer.split()
    upper = len(tokens) >= 2 and all(token[:1].isupper() for token in tokens)
    return upper and tokens[-1] not in CLASS_OF and tokens[0] != "The"


def _is_place(clause: Clause) -> bool:
    return CLASS_OF.get(clause.answer.split()[-1], "") not in _NO_PLACES


def _which(clause: Clause, prep: str) -> str:
    """Words that ask for an answer of this kind."""
    if clause.kind in _KIND_NOUN:
        return f"Which {_KIND_NOUN[clause.kind]}"
    if clause.kind == "name":
        last = clause.answer.split()[-1]
        if last in CLASS_OF and len(clause.answer.split()) > 1:
            return f"Which {CLASS_OF[last]}"
        if prep in _PLACE:
            return "Which place"
    return "What"

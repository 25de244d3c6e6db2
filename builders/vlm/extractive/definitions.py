"""Questions whose answer is the title of the document, described in the words of the sentence that defines it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from nyxqa.builders.vlm.extractive.lexicon import PERSONS
from nyxqa.builders.vlm.extractive.verbs import FINITE, PARTICIPLES, PLURAL_FINITE
from nyxqa.builders.vlm.extractive.vocabulary import STOP_WORDS, word_list
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.words import words

_MIN_TOLD, _MAX_WORDS = 3, 16  # words that tell something of a description, and all its words
_MORE = 3  # words of a full name that its title leaves out
_MAX_NAME = 5  # words of a name that stands for a title
_SENTENCE = re.compile(
    r"^(?P<article>[Tt]he |[Aa]n? )?(?P<name>[^,()]{2,80}?)"
    r"(?P<aside>(?:, [^,]{2,90})+?,| ?[\u2013\u2014][^\u2014\u2013]{2,90}[\u2013\u2014] ?)?"
    r" ?\b(?P<be>is|was|are|were) (?P<what>(?:an?|the|one of the|any) .+?|[a-z][\w-]{2,} .+?)[.!]?$"
)
_ASIDE = re.compile(r"\s*\([^()]*\)")
_QUOTES = re.compile(r"^[\"\u201c]([^\"\u201d]+)[\"\u201d](?= (?:is|was)\b)")
_ADJECTIVE = re.compile(
    r"^[a-z-]+(?:ive|al|ous|ful|able|ible|ic|ary|ent|ant|ar|ish|ly|ed|ing)\b"
    r"(?= (?:to|in|for|and|with|at|on|from|of|by|as|or|than)\b)"
)
_CUT = re.compile(
    r", (?!(?<=[a-z], )[A-Z][a-z]+ ?[A-Z]?[a-z]*$)"
    r"| (?:which|who|whose|whom|that|where|when|while|although|because|since|but|known|noted|founded|established|born"
    r"|adopted|formed|founding|having|being|such as|and (?:is|was|are|were|has|have|had|the|an?|one|also))\b"
    r"|;|:| [\u2013\u2014-] |\("
)
_PREPOSITION = r"(?:of|in|from|with|for|on|at|by|to|during|between|as|under|into|near|within|over|through|about|across)"
_JOIN = re.compile(rf" (?!of\b){_PREPOSITION}\b")
_ANY_JOIN = re.compile(rf" {_PREPOSITION}\b")
_LOOSE_END = re.compile(
    rf" (?:{_PREPOSITION}|and|or|the|an?|is|was|are|were|its|their|his|her|also|who|which|that|than|only"
    r"|more|most|very|due|endemic|able|similar|related|equal|opposite|native|close|adjacent|such"
    r"|[a-z]+(?:ed|ing)|made|found|built|held|written|worn|born|set|known|family|order|genus|class|type|part|kind|form"
    r"|name|number|series|member|ability|act|piece|range|sense|branch|subfield|field|same|other|first|largest)$"
)
_FIELD = re.compile(r"^(?:In|Within) (?:the )?[a-z][a-z ,]{2,50}, (?=(?:an?|the)? ?\w)")
_NAME_OF = re.compile(r"^(?:an?|the) (?:[a-z]+ )?(?:name|term|word)s? (?:of|for|given to) ")
_SIGNS = re.compile(r"[()\u201c\u201d;:]")
_BE = ("is", "was", "are", "were")
_CLAUSE = 4  # words of a relative clause that may end before a preposition
_DEPENDS = re.compile(r"\b(?:this|these|those|he|she|they|it|such|how|article|page|because|would)\b")
_RELATIVE = re.compile(r"\b(?:which|who|that|whose|where|whom)\b")
_YEARS = re.compile(r" (?:from|in|since|until|during|between) (?:[A-Z][a-z]+ )?\d{3,4}$")
_OPEN_BETWEEN = re.compile(r"\bbetween (?!.*\band\b)|\bfrom (?!.*\bto\b)(?=the \w+$)")
_NOT_NOUN = re.compile(
    r"^(?:not|also|often|usually|based|located|situated|considered|known|called|used|made|born|found|defined|derived|part"
    r"|common|due|able|probably|widely|generally|those|all|both|when|where|how|what|named|described|composed|\w+ly|\w+ed"
    r"|among|one)\b"
)
_VAGUE = frozenset(
    word_list(
        "type kind form branch subfield field part member piece area group set any name term study act process use "
        "series system way large small common general used important different various first main major person "
        "people"
    )
)
# What is named, not called: a phrase about one of these has a proper name for its answer.
_NAMED = frozenset(
    word_list(
        """city capital town village municipality country state province region district county republic kingdom empire
        dynasty island archipelago peninsula continent river lake sea ocean strait bay gulf mountain volcano desert
        plain plateau valley forest god goddess deity novel film movie book poem play album song opera symphony painting
        newspaper magazine company corporation organisation organization university museum cathedral church temple
        palace castle bridge tower building war battle treaty revolution rebellion festival holiday religion language
        constellation planet moon star comet spacecraft mission ship series game character period era civilization
        culture philosophy movement party ruin ruins site band celebration people tribe"""
    )
)


def is_person_noun(word: str) -> bool:
    """Whether a word names people by what they do."""
    return word in PERSONS or (word.endswith("ist") and len(word) > 5)


@dataclass(frozen=True, slots=True)
class Definition:
    """A sentence that says what its title is.

    :param subject: The title as the middle of a sentence writes it, with its article.
    :param name: What the sentence calls it, without the article.
    :param be: ``is``, ``was``, ``are`` or ``were``.
    :param what: What it is, up to the end of the sentence.
    :param written: ``name`` or ``word`` if the text shows which it is, by its capitals inside sentences; else "".
    """

    subject: str
    name: str
    be: str
    what: str
    written: str = ""

    @property
    def head(self) -> list[str]:
        """The words of the first noun phrase."""
        return words(_ANY_JOIN.split(_CUT.split(self.what)[0])[0])

    @property
    def is_person(self) -> bool:
        """Whether the first noun phrase names a person's trade or rank."""
        return any(is_person_noun(word) for word in self.head[-3:]) and self.name[:1].isupper()

    @property
    def is_name(self) -> bool:
        """Whether the subject is a proper name, not a common noun."""
        tokens = self.name.split()
        if self.written:
            return self.written == "name"
        several = len(tokens) > 1 and all(token[:1].isupper() or token in STOP_WORDS for token in tokens)
        return several or (not self.subject.startswith(("a ", "an ")) and any(word in _NAMED for word in self.head))


def definition(sentence: str, title: str, text: str) -> Definition | None:
    """The definition of ``title`` in ``sentence``, if it is one; ``text`` shows how the title is written."""
    found = _SENTENCE.match(_FIELD.sub("", _QUOTES.sub(r"\1", _ASIDE.sub("", sentence))))
    if (
        found is None
        or _NOT_NOUN.match(found["what"])
        or _ADJECTIVE.match(found["what"])
        or found["what"].split()[0] in PARTICIPLES
    ):
        return None
    name = re.sub(r" or .*", "", found["name"].strip())
    wanted = {_singular(word) for word in _plain_words(title) if word not in STOP_WORDS}
    called = {_singular(word) for word in _plain_words(name)}
    there = called | {_singular(word) for word in _plain_words(found["aside"] or "")}
    is_whole = wanted <= called and len(words(name)) <= len(words(title)) + _MORE
    last = {_singular(word) for word in _plain_words(title)[-1:]}
    if not wanted or not (is_whole or (last <= there and len(name.split()) < 6 and name[:1].isupper())):
        return None
    article = (found["article"] or "").capitalize()
    written = _written(name, text)
    subject = name
    if article:
        subject = f"the {name}" if article == "The " else f"{article.lower()}{name}"
    elif name[1:] == name[1:].lower() and (written == "word" or not (written or _is_about_named(found["what"]))):
        subject = name[:1].lower() + name[1:]
    own = Definition(subject, name, found["be"], _NAME_OF.sub("", found["what"]), written)
    return own if is_whole or own.is_person else None


def defined_name(sentence: str) -> str | None:
    """What a first sentence defines, where the document has no title; None unless it looks like a name or a word."""
    found = _SENTENCE.match(_FIELD.sub("", _QUOTES.sub(r"\1", _ASIDE.sub("", sentence))))
    if found is None:
        return None
    name = re.sub(r" or .*", "", found["name"].strip())
    tokens = name.split()
    if not 0 < len(tokens) <= _MAX_NAME or words(name)[0] in STOP_WORDS or definition(sentence, name, sentence) is None:
        return None
    is_name = all(token[:1].isupper() or token in STOP_WORDS for token in tokens)
    is_word = (found["article"] or "").lower() in ("a ", "an ") or found["be"] == "are" or found["article"] is None
    return name if is_name or (is_word and not any(token in STOP_WORDS for token in tokens)) else None


def _plain_words(text: str) -> list[str]:
    return words(text.replace("\u2013", "-"))


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith("ss") else word


def _written(name: str, text: str) -> str:
    """Whether sentences of ``text`` write ``name`` with a capital or without one; "" if they do not show it."""
    plain = re.escape(name)
    if len(name.split()) == 1 and re.search(rf"[a-z,] {plain}\b", text):
        return "name"
    lower = name[:1].lower() + name[1:]
    return "word" if lower != name and re.search(rf"\b{re.escape(lower)}\b", text) else ""


def _is_about_named(what: str) -> bool:
    return any(word in _NAMED for word in words(what)[:8])


def descriptions(what: str) -> Iterator[str]:
    """Beginnings of a description that end with a phrase, the longest first, none of them vague."""
    cuts = {match.start() for match in _CUT.finditer(what)} | {len(what)}
    relative = _RELATIVE.search(what)
    inside = len(what) if relative is None else relative.start()
    joins = {
        one.start()
        for one in _JOIN.finditer(what)
        if one.start() < inside or what.count(" ", inside, one.start()) > _CLAUSE
    }
    ends = sorted({*cuts, *joins}, reverse=True)
    seen: set[str] = set()
    for end in ends:
        text = _joined(_YEARS.sub("", what[:end].strip(" ,")))
        in_list = re.match(r", [\w -]{2,30}(?:,| and| or)", what[end:]) and not is_person_noun(words(text)[-1])
        if text not in seen and not in_list and _is_phrase(text):
            seen.add(text)
            yield text


def _joined(text: str) -> str:
    """Two trades with a comma between them, joined by "and"."""
    first, comma, second = text.partition(", ")
    if comma and is_person_noun(words(first)[-1]) and not re.search(r",| and ", f"{first} {second}"):
        return f"{first} and {second.removeprefix('and ')}" if is_person_noun(words(second)[-1]) else text
    return text


def _is_phrase(text: str) -> bool:
    """Whether a description is whole and says enough."""
    is_person = any(is_person_noun(word) for word in words(text))
    told = [word for word in words(text) if word not in STOP_WORDS and (is_person or word not in _VAGUE)]
    if len(told) < (_MIN_TOLD + 1 if is_person else _MIN_TOLD) or len(words(text)) > _MAX_WORDS:
        return False
    place = re.search(r"\bwhere\b(?P<rest>.*)", text)
    if place is not None and not any(word in FINITE or word in _BE for word in words(place["rest"])):
        return False
    if _LOOSE_END.search(text) or _OPEN_BETWEEN.search(text) or _DEPENDS.search(text) or _SIGNS.search(text):
        return False
    if _RELATIVE.search(text) and words(text)[-1] in {**FINITE, **PLURAL_FINITE}:
        return False  # the clause goes on
    if any(
        word == "and" and (after in _BE or (after in FINITE and after.endswith("s")))
        for word, after in pairwise(words(text))
    ):
        return False
    return text.count('"') % 2 == 0 and _has_plain_comma(text)


def _has_plain_comma(text: str) -> bool:
    """Whether a comma stands between two adjectives or before the region of a place, if there is one."""
    first, comma, second = text.partition(", ")
    if not comma or re.search(r"[a-z], [A-Z][\w ]+$", text):
        return True
    return len(first.split()) <= 2 and re.match(r"[a-z-]+(?<!ly) [a-z-]+ [a-z]", second) is not None


_ONLY = re.compile(r"\b(?:capital|only|first|last|oldest|youngest|[a-z]+est|most)\b")


def definition_questions(found: Definition) -> Iterator[str]:
    """Ways to ask for the title by a description."""
    for text in descriptions(found.what):
        told = [word for word in words(text) if word not in STOP_WORDS]
        if found.is_name and len(told) <= _MIN_TOLD and not _ONLY.search(text):
            continue  # several things of this name's kind fit it
        is_one = text.startswith(("one of ", "any "))
        the = text if is_one else re.sub(r"^(?:an?|the) ", "the ", text)
        if found.is_person:
            if not re.match(r"(?:an?|the|one|any) ", text):
                text = the = f"the {text}"
            ways = [f"Which person {found.be} {text}?", f"Who {found.be} {the}?"]
            ways += [] if is_one else [f"Can you name {the}?", f"What is the name of {the}?"]
            last = [f"Could you tell me who {found.be} {the}?"]
        elif found.is_name:
            ways = [f"What {found.be} the name of {the}?", f"Can you name {the}?", f"What {found.be} {text} called?"]
            ways = [f"What {found.be} {text}?"] if is_one else ways
            last = [f"Do you know the name of {the}?", f"Could you tell me the name of {the}?"]
        elif found.be in ("is", "are"):
            ways = [f"What do you call {text}?", f"What is the word for {text}?", f"Which term means {text}?"]
            last = [f"Do you know what people call {text}?"]
        else:
            ways, last = [f"What did people call {text}?"], [f"Do you know what people called {text}?"]
        turn = keyed_hash(0, "wording", text) % len(ways)
        yield from [*ways[turn:], *ways[:turn], *last]

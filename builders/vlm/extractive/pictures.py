"""Questions about one picture from its short caption, the panels that it lists, or what the text says of its figure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from nyxqa.builders.vlm.extractive.cloze import BLANK, Cloze, caption_clozes
from nyxqa.builders.vlm.extractive.self_contained import complete_sentences, is_prose
from nyxqa.builders.vlm.extractive.verbs import FINITE, PARTICIPLES
from nyxqa.builders.vlm.extractive.vocabulary import STOP_WORDS, word_list
from nyxqa.builders.vlm.protocol import VlmDocument
from nyxqa.schemas.words import words

_MAX_ANSWER_WORDS = 5  # Nyx step 5
_LABEL = re.compile(
    r"^\s*(?:Figure|Fig\.?|Plate|Image|Photo)\s+(?P<number>\d+(?:\.\d+)*[a-z]?)\s*[.:\u2013-]?\s*", re.I
)
_KIND = re.compile(
    r"^(?:(?:An?|The) )?(?P<kind>(?:[a-z]+ ){0,2}(?:portrait|bust|statue|sculpture|map|flag|logo|diagram|view|painting"
    r"|drawing|sketch|photograph|photo|picture|image|plan|model|scheme|plot|histogram|graph|cover|poster|ruins|interior"
    r"|coat of arms|cross section|structure|stamp)) of (?P<what>(?:the |an? )?[^,;:(]+)",
    re.IGNORECASE,
)
_NO_DETAIL = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])\s*")
_DETAIL = re.compile(
    r"[,;:.!?(\u2013\u2014]|\s(?:in|at|from|on|with|during|by|near|showing|as|after|before|which|that|who|is|are|was"
    r"|were|has|had|c\.|circa)\s"
)
# What a picture is called when nobody described it.
_EMPTY = frozenset(
    word_list(
        """image images picture photo figure fig logo icon thumbnail banner screenshot diagram graph chart map plot
        illustration avatar placeholder photograph caption view detail example result results output input button arrow
        link home header footer untitled default main original left right top bottom see more here click
        enlarge refer"""
    )
)
# What follows a noun in a caption.
_ENDS_NOUN = PARTICIPLES | set(
    word_list(
        "and or in on of at with from above below is are to by between across under over near behind inside while that "
        "which who up down half less more as for along around against into through"
    )
)
_NO_NOUNS = frozenset(["lower", "upper", "left", "right", "first", "second", "middle", "outer", "inner", "one", "ones"])
_REFERENCE = re.compile(r"\b(?:Figure|Fig\.?)\s+(?P<number>\d+(?:\.\d+)*[a-z]?)\b", re.IGNORECASE)
_TELLS = re.compile(
    r"^(?:Figure|Fig\.?)\s+[\d.]+[a-z]?\s+(?P<verb>shows|depicts|illustrates|presents|displays|gives|compares|plots)\s"
)
_ASIDE = re.compile(
    r"\s*\((?:see |cf\. )?(?:Figure|Fig\.?)\s+[\d.]*\d[a-z]?\)"
    r"|,? (?:as )?(?:shown|seen) in (?:Figure|Fig\.?)\s+[\d.]*\d[a-z]?,?",
    re.IGNORECASE,
)


def picture_questions(document: VlmDocument) -> Iterator[Cloze]:
    """Questions about one picture each; ``place`` is its number, from 1."""
    numbers: dict[str, int] = {}
    for place, image in enumerate(document.content.images, 1):
        label = _LABEL.match(image.caption)
        if label is not None:
            numbers.setdefault(label["number"].lower(), place)
        yield from _of_caption(_LABEL.sub("", image.caption).strip(), place)
    if numbers:
        yield from _of_references(document.content.text, numbers)


def _of_caption(caption: str, place: int) -> Iterator[Cloze]:
    whole = " ".join(caption.split())
    yield from _panels(whole, place)
    if not is_prose(whole):
        return
    clozes = [_asked(cloze) for cloze in caption_clozes(whole, place)]
    yield from clozes
    plain = _NO_DETAIL.sub(" ", whole).strip()
    kind = _KIND.match(plain)
    if kind is not None:
        what = _head(kind["what"])
        if what:
            start = plain.index(what, kind.start("what"))
            yield Cloze(f"{plain[:start]}{BLANK}{plain[start + len(what) :]}", what, "caption", 6.5, place)
            return
    shown = _head(plain)
    if shown and not clozes:
        yield Cloze(f"What does <image{place}> show?", shown, "caption", 6, place)


def _asked(cloze: Cloze) -> Cloze:
    """A blank that is a colour or a number before the noun that it tells of, as a question; others as they are."""
    before, _, after = cloze.text.partition(BLANK)
    told = _noun(after)
    if not told or words(cloze.text).count(words(told)[-1]) > 1:
        return cloze
    if re.search(r"(?:,|\b(?:and|or|with|to|dark|light|pale|bright))\s*$", before):
        return cloze
    if cloze.kind == "colour":
        be = "are" if told.endswith("s") and not told.endswith("ss") else "is"
        return replace(cloze, text=f"What colour {be} the {told} in <image{cloze.place}>?")
    if cloze.kind in ("count", "number") and told.endswith("s"):
        return replace(cloze, text=f"How many {told} can you see in <image{cloze.place}>?")
    return cloze


def _noun(after: str) -> str:
    """The one or two words of a noun phrase at the beginning of ``after``; "" if it is not plain."""
    found: list[str] = []
    for token in after.split():
        word = token.rstrip(".,;")
        if word in _ENDS_NOUN or word.endswith(("ly", "ing")) or (found and word in FINITE):
            break
        if not word.isalpha() or not word.islower() or len(found) == 2:
            return ""
        found.append(word)
        if word != token:
            break
    return "" if found and found[-1] in _NO_NOUNS else " ".join(found)


def _panels(caption: str, place: int) -> Iterator[Cloze]:
    """The panel behind another one, where a caption is a list of the titles of panels."""
    titles = [title.strip() for title in caption.split(",")]
    if len(titles) < 3 or len({title.lower() for title in titles}) < len(titles) or caption.endswith("."):
        return
    if any(not title[:1].isalnum() or len(words(title)) > 4 or "=" in title for title in titles):
        return
    if any(title.count("(") != title.count(")") for title in titles):
        return  # a comma inside brackets cut a title
    for before, title in pairwise(titles[1:]):
        if len(title) > 2 and not set(words(title)) & set(words(before)):
            yield Cloze(f"Which title follows \u201c{before}\u201d in <image{place}>?", title, "panel", 5.5, place)


def _head(phrase: str) -> str:
    """The beginning of a phrase, up to its details, if it can be an answer; else ""."""
    cut = _DETAIL.search(phrase)
    head = (phrase if cut is None else phrase[: cut.start()]).strip(" .\"'\u201c\u201d")
    head = re.sub(r"^(?:the|an?) ", "", head, flags=re.IGNORECASE)
    told = [word for word in words(head) if word not in STOP_WORDS and word not in _EMPTY and not word.isdigit()]
    if not told or not 1 <= len(words(head)) <= _MAX_ANSWER_WORDS or words(head)[0] == "plot":
        return ""
    is_name = any(part[:1].isupper() for part in head.split()[1:]) or (len(told) == 1 and head[:1].isupper())
    return head if len(told) > 1 or (is_name and len(head) > 3) else ""


def _of_references(text: str, numbers: dict[str, int]) -> Iterator[Cloze]:
    """What sentences say of a figure whose caption bears the number that they name."""
    for sentence in complete_sentences(text):
        found = _REFERENCE.search(sentence)
        place = None if found is None else numbers.get(found["number"].lower())
        if place is None:
            continue
        tells = _TELLS.match(sentence)
        plain = f"The figure {sentence[tells.start('verb') :]}" if tells is not None else _ASIDE.sub("", sentence)
        if _REFERENCE.search(plain) is None:
            yield from caption_clozes(plain, place)

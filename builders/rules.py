"""Rules over drafted questions: what a question may say, and which images it cites (PAPER, stage 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from nyxqa.schemas.content import PLACEHOLDER

_CITATION = re.compile(r"<\s*image\s*(\d+)\s*>", re.IGNORECASE)
_LOOSE_CITATION = re.compile(r"<\|?\s*image[^<>]*>", re.IGNORECASE)

# Whole words that point at the document instead of the world (defect 9: never parts of words).
_TO_DOCUMENT = re.compile(
    r"\b(?:texts?|authors?|passages?|excerpts?"
    r"|(?:this|the|that|given|above|following|provided)\s+(?:document|article|paragraph|page|section|snippet))\b",
    re.IGNORECASE,
)
_TO_IMAGE = re.compile(r"\b(?:images?|pictures?|photos?|photographs?)\d*\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A question with placeholders, and for each the index of its image in the document."""

    question: str
    images: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """The rule a question breaks."""

    reason: str
    detail: str = ""


def resolve(question: str, images: int, rules: Literal["repaired", "paper"]) -> Resolved | Broken:
    """Put placeholders for ``<imageN>`` (N from 1) and hold the question against the rules.

    An image cited twice becomes one placeholder, later mentions become words (defect 8). ``paper`` differs by its
    substring filter and by allowing what it does not look at.

    :param images: Number of images of the document.
    """
    text = " ".join(question.replace(PLACEHOLDER, " <image> ").split())
    if not _CITATION.sub("", text).strip(" ?."):
        return Broken("no_question")
    broken = _paper_words(text) if rules == "paper" else _words(text)
    return broken or _cite(text, images)


def cites_image(text: str) -> bool:
    """Whether ``text`` holds a citation or a placeholder, which only a question may."""
    return bool(_LOOSE_CITATION.search(text))


def _paper_words(text: str) -> Broken | None:
    found = next((word for word in ("text", "author") if word in text), None)
    if found:
        return Broken("refers_to_document", found)
    return Broken("image_not_cited") if "image" in text and not _CITATION.search(text) else None


def _words(text: str) -> Broken | None:
    bare = _CITATION.sub(" ", text)
    found = _TO_DOCUMENT.search(bare)
    if found:
        return Broken("refers_to_document", found.group())
    if _LOOSE_CITATION.search(bare):
        return Broken("bad_citation", _LOOSE_CITATION.findall(bare)[0])
    word = _TO_IMAGE.search(bare)
    return Broken("image_not_cited", word.group()) if word and not _CITATION.search(text) else None


def _cite(text: str, images: int) -> Resolved | Broken:
    order: list[int] = []
    pieces, position = [], 0
    for match in _CITATION.finditer(text):
        number = int(match.group(1))
        if not 1 <= number <= images:
            return Broken("bad_citation", f"{match.group()} of {images} images")
        pieces.append(text[position : match.start()])
        pieces.append("the same image" if number - 1 in order else PLACEHOLDER)
        if number - 1 not in order:
            order.append(number - 1)
        position = match.end()
    pieces.append(text[position:])
    return Resolved("".join(pieces), tuple(order))

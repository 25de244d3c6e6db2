"""Rules over drafted questions: what a question may say, and which images it cites (Nyx step 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from nyxqa.schemas.content import PLACEHOLDER

_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_CITATION = re.compile(r"<\s*image\s*(\d+)\s*>", re.IGNORECASE)
_LOOSE_CITATION = re.compile(r"<\|?\s*image[^<>]*>", re.IGNORECASE)

# Whole words that point at the document instead of the world (never parts of words, as in the Nyx code).
_TO_DOCUMENT = re.compile(
    r"\b(?:texts?|authors?|passages?|excerpts?"
    r"|(?:this|the|that|given|above|following|provided)\s+(?:document|article|paragraph|page|section|snippet))\b",
    re.IGNORECASE,
)
_TO_IMAGE = re.compile(r"\b(?:images?|pictures?|photos?|photographs?)\d*\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ResolvedQuestion:
    """A question with placeholders, and for each the index of its image in the document."""

    question: str
    images: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RuleViolation:
    """The rule a question breaks."""

    reason: str
    detail: str = ""


def resolve_citations(
    question: str, images: int, rules: Literal["repaired", "paper"]
) -> ResolvedQuestion | RuleViolation:
    """Put placeholders for ``<imageN>`` (N from 1) and hold the question against the rules.

    An image cited twice becomes one placeholder, later mentions become words: "the same image", or "the
    second image" and the like where several are cited, counted as their placeholders stand. ``paper`` differs by its
    substring filter and by allowing what it does not look at.

    :param images: Number of images of the document.
    """
    text = " ".join(question.replace(PLACEHOLDER, " <image> ").split())
    if not _CITATION.sub("", text).strip(" ?."):
        return RuleViolation("no_question")
    broken = _paper_words(text) if rules == "paper" else _words(text)
    return broken or _cite(text, images)


def cites_image(text: str) -> bool:
    """Whether ``text`` holds a citation or a placeholder, which only a question may."""
    return bool(_LOOSE_CITATION.search(text))


def _paper_words(text: str) -> RuleViolation | None:
    found = next((word for word in ("text", "author") if word in text), None)
    if found:
        return RuleViolation("refers_to_document", found)
    return RuleViolation("image_not_cited") if "image" in text and not _CITATION.search(text) else None


def _words(text: str) -> RuleViolation | None:
    bare = _CITATION.sub(" ", text)
    found = _TO_DOCUMENT.search(bare)
    if found:
        return RuleViolation("refers_to_document", found.group())
    if _LOOSE_CITATION.search(bare):
        return RuleViolation("bad_citation", _LOOSE_CITATION.findall(bare)[0])
    word = _TO_IMAGE.search(bare)
    return RuleViolation("image_not_cited", word.group()) if word and not _CITATION.search(text) else None


def _cite(text: str, images: int) -> ResolvedQuestion | RuleViolation:
    cited = list(_CITATION.finditer(text))
    numbers = [int(match.group(1)) for match in cited]
    wrong = next((match for match, number in zip(cited, numbers, strict=True) if not 1 <= number <= images), None)
    if wrong is not None:
        return RuleViolation("bad_citation", f"{wrong.group()} of {images} images")
    order = list(dict.fromkeys(numbers))
    pieces, position, seen = [], 0, set[int]()
    for match, number in zip(cited, numbers, strict=True):
        pieces.append(text[position : match.start()])
        pieces.append(_again(order.index(number), len(order)) if number in seen else PLACEHOLDER)
        seen.add(number)
        position = match.end()
    pieces.append(text[position:])
    return ResolvedQuestion("".join(pieces), tuple(number - 1 for number in order))


def _again(place: int, cited: int) -> str:
    """Words for an image whose placeholder stands already, the one at ``place`` of those cited."""
    if cited == 1:
        return "the same image"
    return f"the {_ORDINALS[place]} image" if place < len(_ORDINALS) else f"image number {place + 1}"

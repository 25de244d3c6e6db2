"""Rules for drafted questions: what a question may refer to, and which images it cites (Nyx step 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from nyxqa.builders.qa.document_references import refers_to_document, refers_to_image
from nyxqa.schemas.content import PLACEHOLDER

_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_CITATION = re.compile(r"<\s*image\s*(\d+)\s*>", re.IGNORECASE)
_LOOSE_CITATION = re.compile(r"<\|?\s*image[^<>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ResolvedQuestion:
    """A question with placeholders.

    :param images: For each placeholder the index of its image in the document, from 0.
    """

    question: str
    images: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RuleViolation:
    """The rule that a question violates: ledger reason and detail."""

    reason: str
    detail: str = ""


def resolve_citations(
    question: str, images: int, rules: Literal["repaired", "paper"]
) -> ResolvedQuestion | RuleViolation:
    """Replace ``<imageN>`` (N from 1) by placeholders and check the question against the rules.

    An image cited twice becomes one placeholder; later mentions become words: "the same image", or, if several images
    are cited, "the second image" etc. in the order of their placeholders. Rules ``paper`` match substrings and allow
    everything they do not check.

    :param images: Number of images of the document.
    """
    text = " ".join(question.replace(PLACEHOLDER, " <image> ").split())
    if not _CITATION.sub("", text).strip(" ?."):
        return RuleViolation("no_question")
    violation = _check_substrings(text) if rules == "paper" else _check_certain(text)
    return violation or _replace_citations(text, images)


def cites_image(text: str) -> bool:
    """Whether ``text`` contains a citation or a placeholder, which only a question may contain."""
    return bool(_LOOSE_CITATION.search(text))


def _check_substrings(text: str) -> RuleViolation | None:
    substring = next((word for word in ("text", "author") if word in text), None)
    if substring:
        return RuleViolation("refers_to_document", substring)
    return RuleViolation("image_not_cited") if "image" in text and not _CITATION.search(text) else None


def _check_certain(text: str) -> RuleViolation | None:
    bare = _CITATION.sub(" ", text)
    reference = refers_to_document(bare)
    if reference:
        return RuleViolation("refers_to_document", reference)
    if _LOOSE_CITATION.search(bare):
        return RuleViolation("bad_citation", _LOOSE_CITATION.findall(bare)[0])
    reference = None if _CITATION.search(text) else refers_to_image(bare)
    return RuleViolation("image_not_cited", reference) if reference else None


def _replace_citations(text: str, images: int) -> ResolvedQuestion | RuleViolation:
    cited = list(_CITATION.finditer(text))
    numbers = [int(match.group(1)) for match in cited]
    invalid = next((match for match, number in zip(cited, numbers, strict=True) if not 1 <= number <= images), None)
    if invalid is not None:
        return RuleViolation("bad_citation", f"{invalid.group()} of {images} images")
    order = list(dict.fromkeys(numbers))
    pieces, position, seen = [], 0, set[int]()
    for match, number in zip(cited, numbers, strict=True):
        pieces.append(text[position : match.start()])
        pieces.append(_repeated_mention(order.index(number), len(order)) if number in seen else PLACEHOLDER)
        seen.add(number)
        position = match.end()
    pieces.append(text[position:])
    return ResolvedQuestion("".join(pieces), tuple(number - 1 for number in order))


def _repeated_mention(place: int, cited: int) -> str:
    """Words for an image that already has a placeholder, the one at ``place`` of those cited."""
    if cited == 1:
        return "the same image"
    return f"the {_ORDINALS[place]} image" if place < len(_ORDINALS) else f"image number {place + 1}"

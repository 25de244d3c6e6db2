"""A scripted model that asks about facts of one document, and answers exactly when its prompt holds their evidence.

Each fact has a kind of evidence: the document's text, its pictures only, both together, none (the model knows it), or
never (the model cannot know it). So a test can state in advance what the answer to each prompt must be.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from tests.support.pages import picture, sentences
from tests.support.vlm_server import Payload

Knows = Literal["text", "closed", "pictures", "both", "never"]
KNOWS: tuple[Knows, ...] = ("text", "closed", "pictures", "both", "never")

_SENTENCE = re.compile(r"of (\w+) \w+ its \w+ \w+ in (\d{4}) and")
_SHOWN = re.compile(r"\[shows (\d+_\d+)\]")
_CITY = re.compile(r"\b(?:authority|pride) of (\w+)")
_PROMPTS = {
    "You write quiz questions from one": "questions",
    "You write quiz questions that need": "questions_multi",
    "Shorten an answer": "shorten",
    "Answer a question from the documents": "answer",
    "Answer a question from what you know": "answer_closed",
    "Write 3 wrong": "distractors",
    "Write 5 wrong": "distractors",
}


@dataclass(frozen=True)
class Fact:
    """What one sentence of a page says.

    :param cited: Pictures that the question on it cites, by their number from 1.
    """

    page: int
    index: int
    city: str
    year: str
    pictures: int
    cited: tuple[int, ...]

    @property
    def knows(self) -> Knows:
        """When the model knows it."""
        return KNOWS[(self.page + self.index) % len(KNOWS)]

    @property
    def drafted(self) -> str:
        """The question as the model writes it; "authority" and "texture" hold words that a crude rule would find."""
        if not self.cited:
            return f"In which year did the authority of {self.city} change its texture?"
        shown = " and ".join(f"<image{number}>" for number in self.cited)
        return f"In which year did the pride of {self.city} become what {shown} shows?"

    @property
    def question(self) -> str:
        """The question with placeholders."""
        return re.sub(r"<image\d>", "<|image|>", self.drafted)

    @property
    def long(self) -> str:
        """The answer as drafted, too long where the sentence is the first."""
        return f"it was late in the year {self.year}" if self.index == 0 else self.year

    @property
    def wrong(self) -> list[str]:
        """Options of words that stand nowhere else."""
        return [f"wrongly{self.year}{letter}" for letter in "xyz"]

    def right(self) -> dict[str, bool | None]:
        """Whether each view must be answered rightly; None where there is no such view."""
        shown = self.pictures > 0
        told = {
            "text": (False, True, True, False),
            "closed": (True, True, True, True),
            "pictures": (False, shown, False, True),
            "both": (False, shown, False, False),
            "never": (False, False, False, False),
        }[self.knows]
        found = dict(zip(("closed_book", "document", "no_images", "images_only"), told, strict=True))
        return {name: value if shown or name in ("closed_book", "document") else None for name, value in found.items()}

    def missing(self, keep: Sequence[str]) -> str | None:
        """Why verifying must drop it, the first of the rules in their order."""
        right = self.right()
        rules = {
            "document_right": ("not_answered_from_document", bool(right["document"])),
            "closed_book_wrong": ("answered_closed_book", not right["closed_book"]),
            "images_needed": ("answered_without_images", not right["no_images"]),
            "text_needed": ("answered_from_images_only", not right["images_only"]),
        }
        return next((reason for name, (reason, met) in rules.items() if name in keep and not met), None)


def facts_of(page: int, images: int) -> list[Fact]:
    """The facts that the model asks for: two sentences, and a third over two pictures where there are several."""
    found = []
    for index, text in enumerate(sentences(page)):
        match = _SENTENCE.search(text)
        assert match is not None
        cited = {1: (1,) if images else (), 2: (2, 1)}.get(index, ())
        if index < 2 or (index == 2 and images > 1):
            found.append(Fact(page, index, match.group(1), match.group(2), images, cited))
    return found


@dataclass
class EvidenceModel:
    """Replies of the model.

    :param images: Number of pictures of each page.
    :param seen: What each prompt showed: its name, its text with ``[shows PAGE_ORDINAL]`` for pictures.
    """

    images: Mapping[int, int]
    seen: list[tuple[str, str]] = field(default_factory=list)

    @cached_property
    def facts(self) -> dict[str, Fact]:
        """Facts by city."""
        return {fact.city: fact for page, count in self.images.items() for fact in facts_of(page, count)}

    @cached_property
    def _names(self) -> dict[bytes, str]:
        keys = [f"{page}_{ordinal}" for page, count in self.images.items() for ordinal in range(count)]
        return {picture(key): key for key in keys}

    def shown(self, payload: Payload) -> tuple[str, str]:
        """Name of the prompt and its text, pictures by their names."""
        content: str | list[dict[str, Any]] = payload["messages"][0]["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        text = "".join(part["text"] if part["type"] == "text" else self._shows(part) for part in parts)
        return next(name for start, name in _PROMPTS.items() if text.startswith(start)), text

    def _shows(self, part: dict[str, Any]) -> str:
        data = base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
        return f"[shows {self._names.get(data, 'no page')}]"  # the picture of a probe is of no page

    def __call__(self, payload: Payload) -> str:
        name, text = self.shown(payload)
        self.seen.append((name, text))
        if name.startswith("questions"):
            return self._questions(name, text.rpartition("\nDocument:\n")[2])
        head, _, question = text.rpartition("\nQuestion: ")
        fact = self.facts[_CITY.findall(question)[-1]]
        if name == "distractors":
            return json.dumps({"options": fact.wrong})
        if name == "shorten":
            return json.dumps({"answer": fact.year})
        documents = head.rpartition("\nDocuments:\n")[2] if name == "answer" else ""
        return json.dumps({"answer": fact.year if self._known(fact, documents) else "unknown"})

    def _questions(self, name: str, document: str) -> str:
        cities = [city for city, _ in _SENTENCE.findall(document)]
        wanted = {2} if name == "questions_multi" else {0, 1}
        found = [self.facts[city] for city in cities if city in self.facts and self.facts[city].index in wanted]
        if found and found[0].page % 4 == 1:  # the form of the paper, without spaces
            return "[" + ",".join(f"Q{n}:{f.drafted},A{n}:{f.long}" for n, f in enumerate(found, 1)) + "]"
        return json.dumps({"pairs": [{"question": fact.drafted, "answer": fact.long} for fact in found]})

    @staticmethod
    def _known(fact: Fact, documents: str) -> bool:
        told = f"of {fact.city} " in documents and fact.year in documents
        pictured = set(_SHOWN.findall(documents)) == {f"{fact.page}_{n}" for n in range(fact.pictures)} != set()
        known = {"text": told, "closed": True, "pictures": pictured, "both": told and pictured, "never": False}
        return known[fact.knows]

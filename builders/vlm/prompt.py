"""Prompts: texts in files, filled with content so that every image stands where its placeholder stood."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from nyxqa.builders.vlm.protocol import Picture, Source
from nyxqa.schemas.content import PLACEHOLDER, Content
from nyxqa.schemas.ids import short_hash

# The place that the examples of the prompts for questions speak of; there is none of this name. Prompts for answers
# speak of another, so that a question copied from an example is not answered from one.
INVENTED = "Quarnholm"
NAMES = ("questions", "questions_multi", "shorten", "answer", "answer_closed", "distractors")

Part = str | Picture

_SLOT = re.compile(r"\{(documents?|question|answer|count|words)\}")
_LABEL = re.compile(r"<(image\d+)>")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as its file holds it.

    :param hash: Short hash of the file: another wording is another prompt.
    """

    name: str
    text: str
    hash: str

    def fill(self, **values: str | Iterable[Part]) -> tuple[Part, ...]:
        """The prompt with its slots filled in one pass, so that nothing inside a value is taken for a slot."""
        parts: list[Part] = []
        for number, piece in enumerate(_SLOT.split(self.text)):
            value = values[piece] if number % 2 else piece
            parts.extend([value] if isinstance(value, str) else value)
        return joined(parts)


@cache
def prompt(name: str) -> Prompt:
    """The prompt of that name, from its file in the package."""
    text = files("nyxqa.builders.vlm").joinpath("prompts", f"{name}.txt").read_text(encoding="utf-8").strip()
    return Prompt(name, text, short_hash(text))


def prompt_hashes() -> dict[str, str]:
    """Short hash of every prompt by name."""
    return {name: prompt(name).hash for name in NAMES}


def joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """``parts`` with neighbouring texts joined and empty ones left out."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return tuple(merged)


def labelled(source: Source) -> list[Part]:
    """The document with ``<imageN>`` before its N-th picture; a label written in its own text is made harmless."""
    parts: list[Part] = [f"{source.title}\n"] if source.title else []
    count = 0
    for part in source.content.parts():
        if isinstance(part, str):
            parts.append(_LABEL.sub(r"(\1)", part))
        else:
            count += 1
            parts += [f"<image{count}>", part]
    return parts


def plain(content: Content[Picture]) -> list[Part]:
    """Text and pictures as they alternate."""
    return list(content.parts())


def listed(sources: Iterable[Source]) -> list[Part]:
    """Documents one after the other, each with its number and title."""
    parts: list[Part] = []
    for number, source in enumerate(sources, 1):
        title = f" {source.title}" if source.title else ""
        parts += [f"[{number}]{title}\n", *plain(source.content), "\n\n"]
    return parts or ["(none)"]


def pictures(parts: Iterable[Part]) -> list[Picture]:
    """The pictures of ``parts`` in order."""
    return [part for part in parts if isinstance(part, Picture)]


def as_text(parts: Iterable[Part]) -> str:
    """``parts`` with a placeholder for each picture."""
    return "".join(part if isinstance(part, str) else PLACEHOLDER for part in parts)

"""Prompts: template files whose slots are filled with text and images in the order of their placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from nyxqa.builders.vlm.protocol import AnswerForm, VlmDocument, VlmImage
from nyxqa.schemas.answers import LIST_SEPARATOR
from nyxqa.schemas.content import PLACEHOLDER, Content, plain_text
from nyxqa.schemas.ids import short_hash
from nyxqa.schemas.words import words

# The fictional place in the examples of the prompts for questions. Prompts for answers use another one, so that a
# question copied from an example is not answered from one.
FICTIONAL_PLACE = "Quarnholm"
PROMPT_NAMES = ("questions", "questions_multi", "shorten", "answer", "answer_closed", "distractors")

# Put into the prompts for questions where a recipe names types; and in their place where it asks about two documents.
TYPES_PROMPT, HOPS_PROMPT = "types", "questions_hops"

# Of stage ``captions`` alone: it decides no other answer, so it is not among those that enter every step.
CAPTION_PROMPT = "caption"
UNANSWERABLE_PROMPT = "unanswerable"  # of the stage of that name alone

PromptPart = str | VlmImage

_ANSWER_FORM = "\n\nAnswer with JSON only"
_SLOT = re.compile(r"\{(documents?|question|answer|count|words|types)\}")
_LABEL = re.compile(r"<(image\d+)>")

LONG_WORDS = 80  # most words of an answer in sentences
LIST_ITEMS = 12  # most items of a list, each as short as a short answer
QUESTION_TYPES = ("fact", "howto", "why", "compare", "list", "boolean")
_FORMS: dict[str, AnswerForm] = {"howto": "long", "why": "long", "compare": "long", "list": "list"}
# Types whose questions have no options and whose answers are scored by the facts that they tell.
LONG_TYPES = tuple(name for name in QUESTION_TYPES if _FORMS.get(name) == "long")
_ANSWER_LONG = (
    "This question asks for an explanation, so rule 1 does not hold for it: answer in one to four whole sentences, "
    "with every step, reason or difference that a complete answer has."
)
_ANSWER_LIST = "This question asks for several things: name all of them, separated by semicolons."
_ADDED: dict[AnswerForm, dict[str, str]] = {
    "short": {},
    "list": {
        "shorten": "The answer is a list: keep all its items, separated by semicolons. The limit of words holds for "
        "each item alone.",
        "answer": _ANSWER_LIST,
        "answer_closed": _ANSWER_LIST,
    },
    "long": {
        "shorten": "The answer explains something: keep every step, reason or difference of it, in whole sentences, "
        "and leave out only what the question does not ask for.",
        "answer": _ANSWER_LONG,
        "answer_closed": _ANSWER_LONG,
    },
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt template, as in its file.

    :param hash: Short hash of the file, so that another wording is another prompt.
    """

    name: str
    text: str
    hash: str

    def fill(self, **values: str | Iterable[PromptPart]) -> tuple[PromptPart, ...]:
        """The prompt with its slots filled in one pass, so that a slot inside a value is not filled."""
        parts: list[PromptPart] = []
        for number, piece in enumerate(_pieces(self.text)):
            value = values[piece] if number % 2 else piece
            parts.extend([value] if isinstance(value, str) else value)
        return merge_text_parts(parts)


@cache
def _pieces(text: str) -> list[str]:
    """Texts of a template and, between them, names of its slots."""
    return _SLOT.split(text)


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt ``name``, from its file in the package."""
    text = files("nyxqa.builders.vlm").joinpath("prompts", f"{name}.txt").read_text(encoding="utf-8").strip()
    return Prompt(name, text, short_hash(text))


@cache
def prompt_of(name: str, text: str = "") -> Prompt:
    """The prompt ``name``: the shipped one, or ``text`` in its place."""
    return Prompt(name, text, short_hash(text)) if text else load_prompt(name)


def guided(text: str, added: str) -> str:
    """The text of a prompt with ``added`` before the form of the answer; slots in what is added stay as words."""
    return with_part(text, _SLOT.sub(r"(\1)", added))


def with_part(text: str, part: str) -> str:
    """The text of a prompt with a part of a prompt, whose slots are filled too, before the form of the answer."""
    before, form, behind = text.rpartition(_ANSWER_FORM)
    return f"{before}\n\n{part}{form}{behind}" if form else f"{part}\n\n{text}"


def prompt_hashes() -> dict[str, str]:
    """Short hash of every prompt by name."""
    return {name: load_prompt(name).hash for name in PROMPT_NAMES}


def merge_text_parts(parts: Iterable[PromptPart]) -> tuple[PromptPart, ...]:
    """``parts`` with adjacent texts joined and empty ones removed."""
    merged: list[PromptPart] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return tuple(merged)


def document_with_labels(document: VlmDocument) -> list[PromptPart]:
    """The document with ``<imageN>`` before its N-th image; such a label in its own text becomes ``(imageN)``."""
    parts: list[PromptPart] = [f"{document.title}\n"] if document.title else []
    count = 0
    for part in document.content.parts():
        if isinstance(part, str):
            parts.append(_LABEL.sub(r"(\1)", part))
        else:
            count += 1
            parts += [f"<image{count}>", part]
    return parts


def content_parts(content: Content[VlmImage]) -> list[PromptPart]:
    """Texts and images in order."""
    return list(content.parts())


def numbered_documents(documents: Iterable[VlmDocument]) -> list[PromptPart]:
    """Documents in order, each with its number and title."""
    parts: list[PromptPart] = []
    for number, document in enumerate(documents, 1):
        title = f" {document.title}" if document.title else ""
        parts += [f"[{number}]{title}\n", *content_parts(document.content), "\n\n"]
    return parts or ["(none)"]


def question_prompts(document: VlmDocument, prompts: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the prompts for questions about a document: one more where several pictures can be asked for facts.

    :param prompts: Texts in place of shipped ones; a prompt whose text is empty is not asked.
    """
    wanted = [name for name, _ in document.types]
    several = len(document.content.images) > 1 and (not wanted or "fact" in wanted)
    return ("questions", "questions_multi") if several and prompts.get("questions_multi") != "" else ("questions",)


def listed_types(document: VlmDocument) -> str:
    """The types of questions to write about a document, with the number of each."""
    return ", ".join(f"{count} {name}" for name, count in document.types)


def joined_documents(first: VlmDocument, second: VlmDocument) -> VlmDocument:
    """Two documents of one page as one that a model reads, each behind its number."""
    text = f"[1]\n{first.content.text}\n\n[2]\n{second.content.text}"
    return replace(first, content=Content(text, first.content.images + second.content.images))


def text_of_document(document: VlmDocument) -> VlmDocument:
    """The document without its pictures."""
    return replace(document, content=Content(plain_text(document.content.text)))


def as_text(parts: Iterable[PromptPart]) -> str:
    """``parts`` as text, with a placeholder for each image."""
    return "".join(part if isinstance(part, str) else PLACEHOLDER for part in parts)


def form_of(question_type: str) -> AnswerForm:
    """The form of the answer to a question of this type; short where the type is unknown."""
    return _FORMS.get(question_type, "short")


def answer_size(answer: str, form: AnswerForm) -> int:
    """Number of words of an answer; of the longest item of a list."""
    items = answer.split(LIST_SEPARATOR.strip()) if form == "list" else [answer]
    return max(len(words(item)) for item in items)


@cache
def form_prompt(name: str, form: AnswerForm) -> Prompt:
    """The prompt ``name`` as answers of this form need it."""
    added = _ADDED[form].get(name, "")
    return prompt_of(name, guided(load_prompt(name).text, added)) if added else load_prompt(name)


def form_hashes(form: AnswerForm) -> dict[str, str]:
    """Short hashes of the prompts that answers of this form need in place of the shipped ones."""
    return {name: form_prompt(name, form).hash for name in _ADDED[form]}

"""The form of an answer by the type of its question: short, a list of short items, or several sentences."""

from __future__ import annotations

from functools import cache

from nyxqa.builders.vlm.prompt import Prompt, guided, load_prompt, prompt_of
from nyxqa.builders.vlm.protocol import AnswerForm
from nyxqa.schemas.answers import LIST_SEPARATOR
from nyxqa.schemas.words import words

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

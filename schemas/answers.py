"""Score short answers: normalisation, exact match and token F1 as SQuAD defines them, list answers as sets."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable

from nyxqa.schemas.words import words

_ARTICLES = re.compile(r"\b(a|an|the)\b")
# Between the items of an accepted form that is a list.
LIST_SEPARATOR = "; "
_OR_ELSE = re.compile(r",|\n|\band\b|&")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_answer(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, white space folded (SQuAD v1.1 evaluation)."""
    folded = unicodedata.normalize("NFKC", text).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", folded).split())


def exact_match(prediction: str, answers: Iterable[str]) -> bool:
    """Whether the normalised prediction equals a normalised answer; False for an empty prediction.

    A list answer (``a; b``) is also matched by its items in any order, separated by semicolons, commas, line ends or
    "and".
    """
    normalised = normalise_answer(prediction)
    return bool(normalised) and any(
        normalised == normalise_answer(answer)
        or (LIST_SEPARATOR in answer and _items(answer) == _listed(prediction, answer))
        for answer in answers
    )


def token_f1(prediction: str, answers: Iterable[str]) -> float:
    """Best F1 over the answers, on bags of normalised words; 0 for an empty prediction.

    Of a list answer (``a; b``) it is the F1 of the items, each of which is right or wrong as a whole.
    """
    guess = Counter(words(normalise_answer(prediction)))
    return max((_answer_f1(prediction, guess, answer) for answer in answers), default=0.0)


def _answer_f1(prediction: str, guess: Counter[str], answer: str) -> float:
    if LIST_SEPARATOR in answer:
        return _f1(Counter(_listed(prediction, answer)), Counter(_items(answer)))
    return _f1(guess, Counter(words(normalise_answer(answer))))


def _items(listed: str) -> set[str]:
    """The normalised items of a list answer."""
    return {item for one in listed.split(LIST_SEPARATOR.strip()) if (item := normalise_answer(one))}


def _listed(prediction: str, answer: str) -> set[str]:
    """The normalised items of a prediction; items of ``answer`` that have a comma or "and" in them stay whole."""
    if LIST_SEPARATOR.strip() in prediction:
        return _items(prediction)
    found: set[str] = set()
    rest = prediction
    for one in answer.split(LIST_SEPARATOR.strip()):
        item = one.strip()
        if _OR_ELSE.search(item) and item in rest:
            found.add(normalise_answer(item))
            rest = rest.replace(item, ",")
    return found | {item for one in _OR_ELSE.split(rest) if (item := normalise_answer(one))}


def _f1(guess: Counter[str], gold: Counter[str]) -> float:
    common = (guess & gold).total()
    if common == 0:
        return 0.0
    return 2 * common / (guess.total() + gold.total())

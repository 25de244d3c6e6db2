"""Score short answers: normalisation, exact match and token F1 as SQuAD defines them."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable

from nyxqa.schemas.words import words

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_answer(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, white space folded (SQuAD v1.1 evaluation)."""
    folded = unicodedata.normalize("NFKC", text).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", folded).split())


def exact_match(prediction: str, answers: Iterable[str]) -> bool:
    """Whether the normalised prediction equals a normalised answer; False for an empty prediction."""
    normalised = normalise_answer(prediction)
    return bool(normalised) and any(normalised == normalise_answer(answer) for answer in answers)


def token_f1(prediction: str, answers: Iterable[str]) -> float:
    """Best F1 over the answers, on bags of normalised words; 0 for an empty prediction."""
    guess = Counter(words(normalise_answer(prediction)))
    return max((_f1(guess, Counter(words(normalise_answer(answer)))) for answer in answers), default=0.0)


def _f1(guess: Counter[str], gold: Counter[str]) -> float:
    common = (guess & gold).total()
    if common == 0:
        return 0.0
    return 2 * common / (guess.total() + gold.total())

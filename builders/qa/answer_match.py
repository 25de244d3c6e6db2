"""Whether a document holds the answer: its words stand there and, if they are common, the question's words as well."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from nyxqa.schemas.content import plain_text
from nyxqa.schemas.words import words

# Answers of yes-or-no questions cannot be located: "no" is a word of most passages.
_NOT_SEARCHABLE = frozenset({"yes", "no", "noanswer"})
# Cached folded texts: the passages of one page of results, and those that recur soon.
_CACHE_SIZE = 10_000
# Share of the weight of a question's words that a document has, from which a common answer in it counts.
CONTEXT = 0.5
_STEM = 5  # letters of a longer word of the question by which it is found

_ARTICLES = frozenset(("a", "an", "the"))
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s\b")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_JOINERS = re.compile(r"[-\u2010-\u2015/]")
_ACCENTS = re.compile("[\u0300-\u036f]")  # of Latin, Greek and Cyrillic letters
_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
_NUMBERS = {name: str(value) for value, name in enumerate((_UNITS + "seventeen eighteen nineteen twenty").split())}
_LIST = "; "  # joins the items of a list answer

# Folded items that must all occur; one unless the answer is a list.
Form = tuple[str, ...]

# A word in more documents than this, and in more than this share of the pool's, is common.
MIN_DOCUMENTS = 5
SHARE = 0.005
# Documents that are counted; of a larger pool a fixed part, so that memory is bounded.
SAMPLE = 20_000
_ID_DIGITS = 12  # of a ``doc_id``, which is a hash; they choose the part


def searchable_answers(answers: Iterable[str]) -> tuple[Form, ...]:
    """The distinct answers that can be searched for in a passage, folded."""
    forms = (tuple(filter(None, map(fold_answer, answer.split(_LIST)))) for answer in answers)
    return tuple(dict.fromkeys(form for form in forms if form and form[0].strip() not in _NOT_SEARCHABLE))


def contains_answer(text: str, answers: Iterable[Form]) -> bool:
    """Whether ``text`` contains one of the answers of ``searchable_answers``, at word boundaries."""
    return _any_form(_cached_fold(text), answers)


def _any_form(folded: str, forms: Iterable[Form]) -> bool:
    return any(all(item in folded for item in form) for form in forms)


def fold_answer(text: str) -> str:
    """The words of ``text`` in the form in which they are compared, separated and surrounded by one space.

    Letters lose their case and accents, words their possessive or plural s; articles are left out, hyphens separate,
    and numbers up to twenty are digits. Empty if there are no words.
    """
    plain = _JOINERS.sub(" ", _THOUSANDS.sub("", _POSSESSIVE.sub("", unicodedata.normalize("NFKC", text))))
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", plain)))
    folded = " ".join(_fold_word(word) for word in words(plain) if word not in _ARTICLES)
    return f" {folded} " if folded else ""


def _fold_word(word: str) -> str:
    if not word.isalpha() and any(letter.isdigit() for letter in word):
        return word
    word = _NUMBERS.get(word, word.replace(".", ""))
    is_plural = len(word) > 4 and word.endswith("s") and word[-2] not in "sui"
    return word[:-1] if is_plural else word


def _stem(word: str) -> str:
    """The beginning of a word as it is searched for: "founded" and "founder", "flows" and "flow" are alike."""
    return f" {word[:_STEM]}" if len(word) > _STEM else f" {word} "


_cached_fold = lru_cache(_CACHE_SIZE)(fold_answer)


def fold_document(text: str, captions: Iterable[str] = ()) -> str:
    """Text and captions of a document, folded, as ``AnswerRule.held_in`` reads them.

    :param text: May have placeholders.
    """
    return fold_answer("\n".join((plain_text(text), *captions)))


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """Decides which documents hold the answer of one question.

    An accepted form of which a word is rare in the pool counts wherever it occurs. One of common words ("blue",
    "two") occurs by accident, so it counts only beside the question's own words.

    :param rare: Forms with a rare word.
    :param common: Forms of common words only.
    :param context: The question's words, without the answer's, as they are searched for, with their weights.
    """

    rare: tuple[Form, ...]
    common: tuple[Form, ...]
    context: tuple[tuple[str, float], ...]

    def held_in(self, folded: str) -> bool:
        """Whether the document holds the answer.

        :param folded: The document as ``fold_document`` returns it.
        """
        if _any_form(folded, self.rare):
            return True
        return _any_form(folded, self.common) and self._in_context(folded)

    def mentioned_in(self, folded: str) -> bool:
        """Whether an accepted form occurs in the document, by accident or not."""
        return _any_form(folded, (*self.rare, *self.common))

    def _in_context(self, folded: str) -> bool:
        total = sum(weight for _, weight in self.context)
        return sum(weight for word, weight in self.context if word in folded) >= CONTEXT * total


def answer_rule(question: str, answers: Sequence[str], common: CommonWords) -> AnswerRule:
    """The rule of one question.

    :param answers: Accepted forms.
    :param common: The common words of the pool.
    """
    forms = searchable_answers(answers)
    known = {word for form in forms for item in form for word in item.split()}
    asked = dict.fromkeys(word for word in fold_answer(plain_text(question)).split() if word not in known)
    is_common = {form: all(map(common.is_common, " ".join(form).split())) for form in forms}
    return AnswerRule(
        tuple(form for form in forms if not is_common[form]),
        tuple(form for form in forms if is_common[form]),
        tuple((_stem(word), common.weight(word)) for word in asked),
    )


@dataclass(frozen=True)
class CommonWords:
    """The common words of a pool.

    :param total: Documents that were counted.
    :param counts: Documents with each common word.
    """

    total: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def is_common(self, word: str) -> bool:
        """Whether a folded word is common."""
        return word in self.counts

    def weight(self, word: str) -> float:
        """Inverse document frequency of a folded word; of a rare one, that of the rarest common word."""
        return math.log((self.total + 1) / (self.counts.get(word, common_bound(self.total)) + 1))


def common_bound(total: int) -> int:
    """Documents, of ``total``, in which a word may be without being common."""
    return max(MIN_DOCUMENTS, int(total * SHARE))


def sampled(doc_id: str, total: int) -> bool:
    """Whether a document of a pool of ``total`` is counted."""
    return int(doc_id[:_ID_DIGITS], 16) % -(-max(total, 1) // SAMPLE) == 0


def count_common_words(documents: Iterable[str]) -> CommonWords:
    """The common words of folded documents (``fold_document``)."""
    counts: Counter[str] = Counter()
    total = 0
    for folded in documents:
        total += 1
        counts.update(set(folded.split()))
    bound = common_bound(total)
    return CommonWords(total, {word: count for word, count in sorted(counts.items()) if count > bound})

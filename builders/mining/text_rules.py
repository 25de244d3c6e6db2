"""Triplets by rule: which ranked passage is positive, which are negatives, and why the others are not."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.mining.margin import ceiling
from nyxqa.builders.qa.answer_match import contains_answer, searchable_answers
from nyxqa.builders.qa.keys import question_key

_KEPT = 10_000  # texts whose key is kept: passages come back in the lists of other questions

Origin = Literal["retrieved", "gold"]
Exclusion = Literal["title", "answer", "equal"]


class Document(Protocol):
    """What the rules look at in a passage."""

    @property
    def id(self) -> str:
        """Equal for equal texts."""
        ...

    @property
    def title(self) -> str:
        """The title; "" if there is none."""
        ...

    @property
    def text(self) -> str:
        """The whole text."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """How to choose (recipe section ``[[text]]``).

    :param positive: ``top1``: rank 1 (Nyx paper). ``answer``: the best-ranked passage that holds an answer.
        ``gold``: what the set names as evidence.
    :param negatives: First and last rank of negatives, counted over the raw list.
    :param exclude: No negative with the title of a positive, with an answer, or equal in text to a positive.
    :param margin: A negative scores at most this share of the positive's score.
    """

    positive: Literal["top1", "answer", "gold"] = "answer"
    negatives: tuple[int, int] = (11, 20)
    exclude: tuple[Exclusion, ...] = ("title", "answer", "equal")
    margin: float | None = None

    @property
    def asked(self) -> int:
        """Negatives a question gets if none is excluded."""
        return self.negatives[1] - self.negatives[0] + 1


PAPER = Rules(positive="top1", exclude=())


class Ranked(NamedTuple):
    """A passage of a list; rank and score are empty where the list does not hold it."""

    id: str
    rank: int | None
    score: float | None
    origin: Origin = "retrieved"


@dataclass(frozen=True, slots=True)
class Choice:
    """A question's positives (the best first) and negatives (by rank).

    :param positive_holds: Whether the first positive holds an answer; empty if no answer can be looked for.
    :param excluded: Passages in the range of ranks that are no negatives, by rule.
    """

    name: str
    positives: tuple[Ranked, ...]
    negatives: tuple[Ranked, ...]
    positive_holds: bool | None
    excluded: dict[str, int] = field(default_factory=dict)


def choose(
    name: str,
    answers: Sequence[str],
    rows: Sequence[int],
    scores: Sequence[float],
    document: Callable[[int], Document],
    rules: Rules,
    gold: Sequence[int] = (),
) -> Choice | Drop:
    """Positives and negatives of one question, or why it has none.

    :param name: What the ledger calls the question.
    :param rows: Retrieved passages, best first; -1 where there were fewer.
    :param document: Gives the passage of a row.
    :param gold: Rows of the passages the set names as evidence.
    """
    wanted = searchable_answers(answers) if answers else ()
    found = [row for row in rows if row >= 0]
    positive_rows = _positives(found, document, rules, gold, wanted)
    if isinstance(positive_rows, str):
        return Drop("row", name, "", positive_rows)
    origin: Origin = "gold" if rules.positive == "gold" else "retrieved"
    positives = []
    for row in positive_rows:
        rank = found.index(row) + 1 if row in found else None
        score = None if rank is None else scores[rank - 1]
        passage = document(row)
        positives.append((passage, Ranked(passage.id, rank, score, origin)))
    if len(positives) > 1:
        positives.sort(key=lambda one: math.inf if one[1].rank is None else one[1].rank)
    negatives, excluded = _negatives(found, scores, document, rules, positives, wanted)
    holding = contains_answer(positives[0][0].text, wanted) if wanted else None
    return Choice(name, _unique(positives), negatives, holding, excluded)


def _positives(
    found: list[int], document: Callable[[int], Document], rules: Rules, gold: Sequence[int], wanted: tuple[str, ...]
) -> list[int] | str:
    """Rows of the positives, or the reason for having none."""
    if rules.positive == "gold":
        return list(dict.fromkeys(gold)) or "gold_not_in_pool"
    if not found:
        return "nothing_retrieved"
    if rules.positive == "top1":
        return found[:1]
    if not wanted:
        return "no_findable_answer"
    holding = (row for row in found if contains_answer(document(row).text, wanted))
    first = next(holding, None)
    return "answer_not_retrieved" if first is None else [first]


def _unique(positives: list[tuple[Document, Ranked]]) -> tuple[Ranked, ...]:
    """One of each id, the best-ranked."""
    if len(positives) == 1:
        return (positives[0][1],)
    by_id: dict[str, Ranked] = {}
    for _, ranked in positives:
        by_id.setdefault(ranked.id, ranked)
    return tuple(by_id.values())


def _negatives(
    found: list[int],
    scores: Sequence[float],
    document: Callable[[int], Document],
    rules: Rules,
    positives: list[tuple[Document, Ranked]],
    wanted: tuple[str, ...],
) -> tuple[tuple[Ranked, ...], dict[str, int]]:
    reason_of = _Exclusions(rules, positives, wanted).reason
    first, last = rules.negatives
    negatives = []
    excluded: dict[str, int] = {}
    for rank, row in enumerate(found[first - 1 : last], start=first):
        passage, score = document(row), scores[rank - 1]
        reason = reason_of(passage, score)
        if reason is None:
            negatives.append(Ranked(passage.id, rank, score))
        else:
            excluded[reason] = excluded.get(reason, 0) + 1
    return tuple(negatives), excluded


class _Exclusions:
    """The rules a negative of one question must pass, the cheap ones first."""

    def __init__(self, rules: Rules, positives: list[tuple[Document, Ranked]], wanted: tuple[str, ...]) -> None:
        self._wanted = wanted
        self._taken = {passage.id for passage, _ in positives}
        exclude = rules.exclude
        self._titles = {folded(passage.title) for passage, _ in positives} - {""} if "title" in exclude else set()
        self._texts = {_key(passage.text) for passage, _ in positives} if "equal" in exclude else set()
        self._ceiling = math.inf if rules.margin is None else ceiling(positives[0][1].score, rules.margin)
        self._holding = "answer" in exclude

    def reason(self, passage: Document, score: float) -> str | None:
        """Why ``passage`` is no negative; a passage listed twice counts once."""
        if passage.id in self._taken:
            return "same"
        if score > self._ceiling:
            return "margin"
        if self._titles and folded(passage.title) in self._titles:
            return "title"
        if self._texts:
            text = _key(passage.text)
            if text in self._texts:
                return "equal"
            self._texts.add(text)
        if self._holding and contains_answer(passage.text, self._wanted):
            return "answer"
        self._taken.add(passage.id)
        return None


def folded(text: str) -> str:
    """``text`` as compared: NFKC, no case, white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@lru_cache(_KEPT)
def _key(text: str) -> str:
    """Equal for texts of the same words."""
    return question_key(text, ())

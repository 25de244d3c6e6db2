"""Triplets of question sets: which ranked passage is positive, which are negatives, and why others are excluded."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.mining.negative_selection import (
    Candidate,
    Exclusion,
    max_negative_score,
    rank_window,
    select_negatives,
)
from nyxqa.builders.qa.answer_match import AnswerRule, Form, contains_answer, fold_document, searchable_answers
from nyxqa.builders.qa.keys import question_key

_CACHED_KEYS = 10_000  # passages are retrieved again for other questions

Origin = Literal["retrieved", "gold"]
ExclusionRule = Literal["title", "answer", "equal"]


class Document(Protocol):
    """The fields of a passage that the rules read."""

    @property
    def id(self) -> str:
        """Equal for equal texts."""
        ...

    @property
    def title(self) -> str:
        """The title, or ""."""
        ...

    @property
    def text(self) -> str:
        """The whole text."""
        ...

    @property
    def images(self) -> Sequence[Mapping[str, Any]]:
        """Its images, each with its ``caption``."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """How positives and negatives are chosen (recipe section ``[[text]]``).

    :param positive: ``top1``: rank 1 (Nyx paper). ``answer``: the best-ranked passage that holds an answer.
        ``gold``: the passages that the set names as evidence.
    :param negatives: First and last rank of negatives, counted over the raw list.
    :param exclude: Excludes passages with the title of a positive, with an answer, or equal in text to a positive.
    :param margin: A negative scores at most this share of the positive's score.
    """

    positive: Literal["top1", "answer", "gold"] = "answer"
    negatives: tuple[int, int] = (11, 20)
    exclude: tuple[ExclusionRule, ...] = ("title", "answer", "equal")
    margin: float | None = None

    @property
    def wanted(self) -> int:
        """Number of negatives of a question if no passage is excluded."""
        return self.negatives[1] - self.negatives[0] + 1


PAPER = Rules(positive="top1", exclude=())


class Ranked(NamedTuple):
    """A chosen passage; rank and score are None if it was not retrieved."""

    id: str
    rank: int | None
    score: float | None
    origin: Origin = "retrieved"


@dataclass(frozen=True, slots=True)
class Choice:
    """A question's positives (the best first) and negatives (by rank).

    :param positive_holds: Whether the first positive holds an answer; None if no answer can be searched for.
    :param excluded: Number of passages in the window of ranks that each rule excluded.
    """

    name: str
    positives: tuple[Ranked, ...]
    negatives: tuple[Ranked, ...]
    positive_holds: bool | None
    excluded: dict[str, int] = field(default_factory=dict)


def mine_set_question(
    name: str,
    answers: Sequence[str],
    rows: Sequence[int],
    scores: Sequence[float],
    document: Callable[[int], Document],
    rules: Rules,
    gold: Sequence[int] = (),
    answer: AnswerRule | None = None,
) -> Choice | Drop:
    """Positives and negatives of one question, or its ledger row if it has no positive.

    :param name: Name of the question in the ledger.
    :param rows: Retrieved passages, best first; padded with -1.
    :param document: Returns the passage of a row.
    :param gold: Rows of the passages that the set names as evidence.
    :param answer: Which passages hold the answer, for rule ``answer``; without it those in which it occurs.
    """
    patterns = searchable_answers(answers) if answers else ()
    retrieved = [row for row in rows if row >= 0]
    positive_rows = _positive_rows(retrieved, document, rules, gold, patterns)
    if isinstance(positive_rows, str):
        return Drop("row", name, "", positive_rows)
    origin: Origin = "gold" if rules.positive == "gold" else "retrieved"
    positives = []
    for row in positive_rows:
        rank = retrieved.index(row) + 1 if row in retrieved else None
        score = None if rank is None else scores[rank - 1]
        passage = document(row)
        positives.append((passage, Ranked(passage.id, rank, score, origin)))
    if len(positives) > 1:
        positives.sort(key=lambda positive: math.inf if positive[1].rank is None else positive[1].rank)
    passages = [passage for passage, _ in positives]
    ranked = list(zip(retrieved, scores, strict=False))
    in_window = ((rank, document(row), score) for rank, (row, score) in rank_window(ranked, rules.negatives))
    negatives, excluded = select_negatives(
        (Candidate(rank, passage.id, passage, score) for rank, passage, score in in_window),
        {passage.id for passage in passages},
        _exclusions(rules, passages, answer or AnswerRule(patterns, (), ())),
        max_negative_score(positives[0][1].score, rules.margin),
    )
    return Choice(
        name,
        _unique(positives),
        tuple(Ranked(negative.id, negative.rank, negative.score) for negative in negatives),
        contains_answer(passages[0].text, patterns) if patterns else None,
        excluded,
    )


def _positive_rows(
    retrieved: list[int],
    document: Callable[[int], Document],
    rules: Rules,
    gold: Sequence[int],
    patterns: tuple[Form, ...],
) -> list[int] | str:
    """Rows of the positives, or the reason why there is none."""
    if rules.positive == "gold":
        return list(dict.fromkeys(gold)) or "gold_not_in_pool"
    if not retrieved:
        return "nothing_retrieved"
    if rules.positive == "top1":
        return retrieved[:1]
    if not patterns:
        return "no_findable_answer"
    first = next((row for row in retrieved if contains_answer(document(row).text, patterns)), None)
    return "answer_not_retrieved" if first is None else [first]


def _unique(positives: list[tuple[Document, Ranked]]) -> tuple[Ranked, ...]:
    """The best-ranked positive of each id."""
    by_id: dict[str, Ranked] = {}
    for _, ranked in positives:
        by_id.setdefault(ranked.id, ranked)
    return tuple(by_id.values())


def _exclusions(rules: Rules, positives: list[Document], answer: AnswerRule) -> list[Exclusion[Document]]:
    """The rules that a negative of one question must pass, the cheap ones first."""
    exclusions: list[Exclusion[Document]] = []
    titles = {normalise_title(passage.title) for passage in positives} - {""}
    if "title" in rules.exclude and titles:
        exclusions.append(Exclusion("title", lambda passage: normalise_title(passage.title) in titles))
    if "equal" in rules.exclude:
        texts = {_text_key(passage.text) for passage in positives}
        exclusions.append(Exclusion("equal", lambda passage: not _added(texts, _text_key(passage.text))))
    if "answer" in rules.exclude:
        exclusions.append(
            Exclusion("answer", lambda passage: answer.held_in(_folded(passage.text, _captions(passage))))
        )
    return exclusions


def _added(values: set[str], value: str) -> bool:
    """Add ``value``; returns whether it was not in ``values``."""
    size = len(values)
    values.add(value)
    return len(values) > size


def normalise_title(text: str) -> str:
    """``text`` in NFKC, case folded, with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _captions(passage: Document) -> tuple[str, ...]:
    return tuple(image["caption"] for image in passage.images)


_folded = lru_cache(_CACHED_KEYS)(fold_document)


@lru_cache(_CACHED_KEYS)
def _text_key(text: str) -> str:
    """Equal for texts of the same words."""
    return question_key(text, ())

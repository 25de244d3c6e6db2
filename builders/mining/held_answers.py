"""Which positives and negatives of a published dataset hold the answer of their question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nyxqa.builders.qa.answer_match import (
    AnswerRule,
    CommonWords,
    answer_rule,
    count_common_words,
    fold_document,
    sampled,
)
from nyxqa.schemas.sql import string_literal

if TYPE_CHECKING:
    import duckdb

_BATCH = 10_000
_CACHED = 20_000  # folded documents; one is read again for other questions
_DOCUMENTS = "SELECT doc_id, text, captions FROM corpus WHERE pool = {pool}"
# One row for each positive and negative of the questions with answers.
_PAIRS = """
SELECT split, dataset, query_id, query, answers, role, pair.doc_id, text, captions
FROM (SELECT split, dataset, query_id, query, answers, 'negative' AS role, unnest(negative_ids) AS doc_id
      FROM triplets WHERE pool = {pool} AND len(answers) > 0
      UNION ALL
      SELECT split, dataset, query_id, query, answers, 'positive', unnest(positives).doc_id
      FROM triplets WHERE pool = {pool} AND len(answers) > 0) pair
JOIN (SELECT doc_id, text, captions FROM corpus WHERE pool = {pool}) document ON document.doc_id = pair.doc_id
"""


class Holding(NamedTuple):
    """Whether one positive or negative holds the answer.

    :param mentioned: Whether an accepted form occurs in its text or captions.
    :param held: Whether rule ``answer`` of ``negatives.exclude`` excludes it: a form of common words counts only
        beside the question's own words.
    """

    split: str
    dataset: str
    query_id: str
    doc_id: str
    role: Literal["positive", "negative"]
    mentioned: bool
    held: bool


@dataclass
class HoldingCounts:
    """Counts over the questions with answers of one dataset and split.

    :param triplets: Questions with answers.
    :param mention: Negatives in which an accepted form occurs; ``triplets_mention`` counts their questions.
    :param hold: Negatives that hold the answer by the rule; ``triplets_hold`` counts their questions.
    :param positives_mention: Positives in which an accepted form occurs.
    """

    triplets: int = 0
    positives: int = 0
    negatives: int = 0
    positives_mention: int = 0
    mention: int = 0
    hold: int = 0
    triplets_mention: int = 0
    triplets_hold: int = 0

    @property
    def auc(self) -> float | None:
        """How well "an accepted form occurs" alone tells positives from negatives: .5 not at all, 1 always."""
        if not self.positives or not self.negatives:
            return None
        return (1 + self.positives_mention / self.positives - self.mention / self.negatives) / 2

    def as_dict(self) -> dict[str, Any]:
        """The counts and ``auc`` as JSON types."""
        return {**asdict(self), "auc": self.auc}


def pool_words(db: duckdb.DuckDBPyConnection, pool: str) -> CommonWords:
    """The common words of a published pool; those of the build if all its documents are published.

    :param db: Has the view ``corpus`` of the dataset.
    """
    name = string_literal(pool)
    (total,) = db.execute(f"SELECT count(*) FROM corpus WHERE pool = {name}").fetchall()[0]  # noqa: S608
    rows = _rows(db, _DOCUMENTS.format(pool=name))
    return count_common_words(
        fold_document(row["text"], row["captions"]) for row in rows if sampled(row["doc_id"], total)
    )


def answer_holdings(db: duckdb.DuckDBPyConnection, pool: str) -> Iterator[Holding]:
    """Every positive and negative of a pool's questions with answers.

    :param db: Has the views ``corpus`` and ``triplets`` of the dataset; runs no other query meanwhile.
    """
    common = pool_words(db, pool)
    folded: Any = lru_cache(_CACHED)(fold_document)

    @lru_cache(1)
    def rule(query: str, answers: tuple[str, ...]) -> AnswerRule:
        return answer_rule(query, answers, common)

    for row in _rows(db, _PAIRS.format(pool=string_literal(pool))):
        one, text = rule(row["query"], tuple(row["answers"])), folded(row["text"], tuple(row["captions"]))
        yield Holding(
            row["split"],
            row["dataset"],
            row["query_id"],
            row["doc_id"],
            row["role"],
            one.mentioned_in(text),
            one.held_in(text),
        )


def count_holdings(db: duckdb.DuckDBPyConnection) -> dict[str, dict[str, HoldingCounts]]:
    """Counts by dataset and split, over all pools that questions search.

    :param db: Has the views ``corpus`` and ``triplets`` of the dataset.
    """
    counts: dict[str, dict[str, HoldingCounts]] = {}
    asked: set[tuple[str, str]] = set()
    mentioning: set[tuple[str, str]] = set()
    holding: set[tuple[str, str]] = set()
    for (pool,) in db.execute("SELECT DISTINCT pool FROM triplets ORDER BY pool").fetchall():
        for one in answer_holdings(db, pool):
            count = counts.setdefault(one.dataset, {}).setdefault(one.split, HoldingCounts())
            key = (one.dataset, one.query_id)
            count.triplets += _added(asked, key)
            if one.role == "positive":
                count.positives += 1
                count.positives_mention += one.mentioned
                continue
            count.negatives += 1
            count.mention += one.mentioned
            count.hold += one.held
            count.triplets_mention += one.mentioned and _added(mentioning, key)
            count.triplets_hold += one.held and _added(holding, key)
    return counts


def _rows(db: duckdb.DuckDBPyConnection, query: str) -> Iterator[dict[str, Any]]:
    """Rows of a query over temporary views, which only the connection itself sees and not a cursor of it."""
    result: Any = db.sql(query)
    for batch in result.to_arrow_reader(_BATCH):
        yield from batch.to_pylist()


def _added(values: set[tuple[str, str]], value: tuple[str, str]) -> bool:
    size = len(values)
    values.add(value)
    return len(values) > size

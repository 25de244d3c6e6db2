"""Stage ``qa.NAME``: positives that the set names, negatives among what was retrieved, and rows of ``qa``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.filters.benchmark_filter import BenchmarkFilter
from nyxqa.builders.mining.text_rules import Choice, Ranked, Rules, mine_set_question
from nyxqa.builders.qa.answer_match import answer_rule
from nyxqa.builders.question_sets.outputs import QA_ROWS, pool_of
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.pool_search import PoolPassages, document_columns, positive_column
from nyxqa.builders.stages.common_words import read_common_words
from nyxqa.builders.stages.names import qa_stage
from nyxqa.builders.stages.set_search import FoundTask, read_hits, with_hits
from nyxqa.builders.stages.text_questions import contaminated_positives
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.content import kind_of
from nyxqa.schemas.ids import page_id_of_passage
from nyxqa.schemas.recipe import QaSet

VERSION = 2
_KEYS = ("top_k", "negatives", "exclude", "margin", "instruction")  # data keys of a ``[[qa]]``


@dataclass(frozen=True)
class QaMiner:
    """What a worker needs to choose positives and negatives of one set.

    :param miner: Name of the encoder that retrieved.
    :param pool: Folder of the documents.
    :param relevant: Folder of the rows that the set names.
    :param hits: Folder of what was retrieved.
    :param benchmark: Rejects positives that overlap with a benchmark, if the recipe names any.
    :param words: Folder of the common words of the pool.
    """

    section: QaSet
    miner: str
    pool: Path
    relevant: Path
    hits: Path
    benchmark: BenchmarkFilter | None = None
    words: Path | None = None

    @property
    def rules(self) -> Rules:
        """The rules of the set's recipe section."""
        own = self.section
        return Rules("gold", (own.negatives[0], own.negatives[1]), tuple(own.exclude), own.margin)


def mine_qa(
    run: Run,
    section: QaSet,
    split: str,
    inputs: tuple[StepOutput, StepOutput, StepOutput, StepOutput],
    benchmark: StepOutput | None,
    words: StepOutput | None = None,
) -> StepOutput:
    """The questions of one split (rows of QA_ROWS), in the order of their source.

    :param inputs: The questions, the pool, the rows that the set names, and what was retrieved.
    :param words: The common words of the pool, for exclusion rule ``answer``.
    """
    questions, pool, relevant, hits = inputs
    params = {**section_params(section, _KEYS), "pool": pool_of(section)}
    more = [one.fingerprint for one in (benchmark, words) if one is not None]
    prints = (questions.fingerprint, relevant.fingerprint, hits.fingerprint, *more)
    step = Step(qa_stage(section.name), VERSION, params, prints, split, "row", "question")
    overlap = BenchmarkFilter(benchmark.folder) if benchmark is not None else None
    name = make_encoder(section.encoder).name
    miner = QaMiner(
        section, name, pool.folder, relevant.folder, hits.folder, overlap, words.folder if words is not None else None
    )
    return run.map(step, partial(mine_questions, miner), partial(with_hits, questions, hits), QA_ROWS)


def mine_questions(miner: QaMiner, task: FoundTask) -> ShardOutput:
    """Rows of QA_ROWS for the questions of a file; without a known document they have no positives."""
    file, pieces = task
    questions = pq.read_table(file).to_pylist()
    known = pq.read_table(miner.relevant / file.name).to_pylist()
    hits = read_hits(pieces)
    account = Account([row["name"] for row in questions])
    pool = PassagePool(miner.pool)
    rows: list[dict[str, Any]] = []
    positives: list[list[str]] = []
    for question, own, found in zip(questions, known, hits, strict=True):
        passages = PoolPassages(pool)
        row = _row(miner, question, own, found, passages)
        if isinstance(row, Drop):
            account.dropped.append(row)
            continue
        rows.append(row)
        positives.append([passages.text_of(one["doc_id"]) for one in row["positives"]])
        account.notes += _notes(question, own)
    if miner.benchmark is not None:
        dropped = contaminated_positives(miner.benchmark, rows, positives)
        rows = [row for row, drop in zip(rows, dropped, strict=True) if drop is None]
        account.dropped += [drop for drop in dropped if drop is not None]
    account.parents = [row["name"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=QA_ROWS), account)


def _notes(question: Mapping[str, Any], known: Mapping[str, Any]) -> list[Drop]:
    """Ledger rows about a question that is kept: what of it is in no table."""
    query = question["query_id"]
    notes = [
        Drop("document", f"{query}:{one}", query, "gold_not_in_pool", f"the set names {one}, which the pool lacks")
        for one in known["missing"]
    ]
    if not question["answers"]:
        notes.append(Drop("question", query, question["name"], "no_answer", "it is in triplets, not in qa"))
    return notes


def _row(
    miner: QaMiner,
    question: Mapping[str, Any],
    known: Mapping[str, Any],
    found: Mapping[str, Any],
    passages: PoolPassages,
) -> dict[str, Any] | Drop:
    if not known["rows"]:
        if not question["answers"]:
            detail = f"no answer, and none of {len(known['missing'])} documents is in the pool"
            return Drop("row", question["name"], "", "no_answer", detail)
        return _columns(miner, question, None, found, passages)
    choice = mine_set_question(
        question["name"],
        question["answers"],
        found["rows"],
        found["scores"],
        passages.get,
        miner.rules,
        known["rows"],
        answer_rule(question["text"], question["answers"], read_common_words(miner.words)),
    )
    if isinstance(choice, Drop):
        return choice
    grades = {passages.get(row).id: grade for row, grade in zip(known["rows"], known["grades"], strict=True)}
    best = sorted(choice.positives, key=lambda one: -grades.get(one.id, 0))  # stable: by rank within a grade
    ordered = Choice(choice.name, tuple(best), choice.negatives, choice.positive_holds, choice.excluded)
    return _columns(miner, question, ordered, found, passages, grades)


def _columns(
    miner: QaMiner,
    question: Mapping[str, Any],
    choice: Choice | None,
    found: Mapping[str, Any],
    passages: PoolPassages,
    grades: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    positives: Sequence[Ranked] = choice.positives if choice is not None else ()
    negatives: Sequence[Ranked] = choice.negatives if choice is not None else ()
    first = passages.by_id(positives[0].id) if positives else None
    excluded = choice.excluded if choice is not None else {}
    pool = pool_of(miner.section)
    return {
        "name": question["name"],
        "key": question["key"],
        "query_id": question["query_id"],
        "dataset": miner.section.name,
        "pool": pool,
        "instruction": question["instruction"],
        "query": question["text"],
        "query_images": question["images"],
        "answers": question["answers"],
        "positive_id": first.id if first is not None else "",
        "positives": [positive_column(one) for one in positives],
        "negative_ids": [one.id for one in negatives],
        "negative_ranks": [one.rank for one in negatives],
        "negative_scores": [one.score for one in negatives],
        "miner": miner.miner,
        "kind": kind_of(len(first.images)) if first is not None else "",
        "needs": question["needs"] if len(positives) > 1 else "any",
        "documents": document_columns([*positives, *negatives], passages),
        "holds": choice.positive_holds if choice is not None else None,
        "excluded": [{"rule": rule, "count": count} for rule, count in sorted(excluded.items())],
        "repairs": question["repairs"],
        "lost": [],
        "answer_long": question["answer_long"],
        "choices": question["choices"],
        "label": question["label"],
        "type": question["type"],
        "page_id": page_id_of_passage(pool, first.external_id) if first is not None else "",
        "source": first.source if first is not None else "",
        "grades": [{"doc_id": doc_id, "grade": grade} for doc_id, grade in (grades or {}).items()],
    }

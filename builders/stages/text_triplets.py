"""Stage ``text.NAME``: search each question in its passage pool, and choose its positives and negatives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.filters.benchmark_filter import BenchmarkFilter
from nyxqa.builders.mining.text_rules import Choice, Rules, mine_set_question
from nyxqa.builders.qa.answer_match import answer_rule
from nyxqa.builders.question_sets.outputs import SET_TRIPLETS, pool_of
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.pool_search import PoolPassages, document_columns, positive_column
from nyxqa.builders.stages.common_words import read_common_words
from nyxqa.builders.stages.names import text_stage
from nyxqa.builders.stages.set_search import FoundTask, read_hits, with_hits
from nyxqa.builders.stages.text_questions import contaminated_positives
from nyxqa.retriever.encoders.factory import is_dense, make_encoder, open_index
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.recipe import TextSet

VERSION = 3
_KEYS = ("top_k", "positive", "negatives", "exclude", "margin", "instruction")  # data keys of a ``[[text]]``
# Files of questions per search of a dense index, which reads all vectors once; a BM25 search takes one question.
_DENSE_FILES = 8


@dataclass(frozen=True)
class SetMiner:
    """What a worker needs to mine the questions of one set.

    :param pool: Folder of the passages.
    :param index: Folder of their index.
    :param gold: Folder of the evidence; None unless ``text.positive`` is ``gold``.
    :param benchmark: Rejects positives that overlap with a benchmark, if the recipe names any.
    :param words: Folder of the common words of the pool; None without rule ``answer``.
    """

    text: TextSet
    pool: Path
    index: Path
    gold: Path | None
    benchmark: BenchmarkFilter | None = None
    words: Path | None = None

    @property
    def rules(self) -> Rules:
        """The rules of the set's recipe section."""
        text = self.text
        ranks = (text.negatives[0], text.negatives[1])
        return Rules(text.positive, ranks, tuple(text.exclude), text.margin)


def mine_triplets(
    run: Run,
    text: TextSet,
    questions: StepOutput,
    pool: StepOutput,
    index: StepOutput,
    evidence: StepOutput | None,
    benchmark: StepOutput | None = None,
    words: StepOutput | None = None,
    hits: StepOutput | None = None,
) -> StepOutput:
    """Triplets (rows of SET_TRIPLETS) of the questions that have a positive, in the order of their source.

    :param benchmark: The index of ``filters.decontaminate``, if that names files.
    :param words: The common words of the pool, for rule ``answer``.
    :param hits: What was retrieved for each question, if that is published and thus was searched for before.
    """
    params = {**section_params(text, _KEYS), "pool": pool_of(text)}
    if text.positive == "gold":
        params["needs"] = True  # a column that is filled since
    more = [one.fingerprint for one in (evidence, benchmark, words, hits) if one is not None]
    inputs = (questions.fingerprint, index.fingerprint, *more)
    step = Step(text_stage(text.name), VERSION, params, inputs, text.split, "row", "triplet")
    overlap = BenchmarkFilter(benchmark.folder) if benchmark is not None else None
    gold, common = (one.folder if one is not None else None for one in (evidence, words))
    miner = SetMiner(text, pool.folder, index.folder, gold, overlap, common)
    if hits is not None:
        return run.map(step, partial(mine_found, miner), partial(with_hits, questions, hits), SET_TRIPLETS)
    dense = is_dense(text.encoder)
    tasks = partial(_tasks, questions, _DENSE_FILES if dense else 1)
    return run.map(step, partial(mine_shard, miner), tasks, SET_TRIPLETS, "encoder" if dense else "workers")


def _tasks(questions: StepOutput, files: int) -> Iterator[list[Path]]:
    remaining = iter(questions.files())
    while task := list(islice(remaining, files)):
        yield task


def mine_shard(miner: SetMiner, files: Sequence[Path]) -> ShardOutput:
    """Triplets of the questions in some files."""
    questions = [row for file in files for row in pq.read_table(file).to_pylist()]
    if not questions:
        return ShardOutput(SET_TRIPLETS.empty_table(), Account())
    index = open_index(miner.text.encoder, miner.index)
    hits = index.search([SearchEntry(row["query_id"], row["text"]) for row in questions], miner.text.top_k)
    found = list(zip(hits.rows.tolist(), hits.scores.tolist(), strict=True))
    return _mined(miner, files, questions, found)


def mine_found(miner: SetMiner, task: FoundTask) -> ShardOutput:
    """Triplets of the questions in a file, of what was retrieved before."""
    file, pieces = task
    found = [(row["rows"], row["scores"]) for row in read_hits(pieces)]
    return _mined(miner, [file], pq.read_table(file).to_pylist(), found)


def _mined(
    miner: SetMiner,
    files: Sequence[Path],
    questions: Sequence[dict[str, Any]],
    found: Sequence[tuple[list[int], list[float]]],
) -> ShardOutput:
    """Triplets of questions, of the rows and scores that were retrieved for each."""
    account = Account([row["name"] for row in questions])
    rows: list[dict[str, Any]] = []
    positives: list[list[str]] = []
    if questions:
        pool, encoder = PassagePool(miner.pool), make_encoder(miner.text.encoder)
        evidence = _evidence(miner, files) or [[]] * len(questions)
        common = read_common_words(miner.words)
        for row, (ranked, scores), gold in zip(questions, found, evidence, strict=True):
            passages = PoolPassages(pool)
            rule = answer_rule(row["text"], row["answers"], common)
            outcome = mine_set_question(
                row["name"], row["answers"], ranked, scores, passages.get, miner.rules, gold, rule
            )
            if isinstance(outcome, Drop):
                account.dropped.append(outcome)
            else:
                rows.append(_triplet(row, outcome, passages, miner.text, encoder.name))
                positives.append([passages.text_of(one.id) for one in outcome.positives])
    if miner.benchmark is not None:
        drops = contaminated_positives(miner.benchmark, rows, positives)
        rows = [row for row, drop in zip(rows, drops, strict=True) if drop is None]
        account.dropped += [drop for drop in drops if drop is not None]
    account.parents = [row["name"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=SET_TRIPLETS), account)


def _evidence(miner: SetMiner, files: Sequence[Path]) -> list[list[int]]:
    if miner.gold is None:
        return []
    return [rows for file in files for rows in pq.read_table(miner.gold / file.name)["rows"].to_pylist()]


def _triplet(
    question: dict[str, Any], choice: Choice, passages: PoolPassages, text: TextSet, miner: str
) -> dict[str, Any]:
    return {
        "name": question["name"],
        "key": question["key"],
        "query_id": question["query_id"],
        "dataset": text.name,
        "pool": pool_of(text),
        "instruction": text.instruction,
        "query": question["text"],
        "query_images": [],
        "answers": question["answers"],
        "positive_id": choice.positives[0].id,
        "positives": [positive_column(ranked) for ranked in choice.positives],
        "negative_ids": [ranked.id for ranked in choice.negatives],
        "negative_ranks": [ranked.rank for ranked in choice.negatives],
        "negative_scores": [ranked.score for ranked in choice.negatives],
        "miner": miner,
        "kind": "text",
        # Several paragraphs that a set names answer together: HotpotQA's and MuSiQue's questions take several steps.
        "needs": "all" if text.positive == "gold" and min(len(question["gold"]), len(choice.positives)) > 1 else "any",
        "documents": document_columns([*choice.positives, *choice.negatives], passages),
        "holds": choice.positive_holds,
        "excluded": [{"rule": rule, "count": count} for rule, count in sorted(choice.excluded.items())],
        "repairs": [],
        "lost": [],
    }

"""Steps ``text.NAME/questions``, ``/gold`` and ``/contaminated``: questions of a set, their evidence and a filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.filters.base import Filter, apply_filters
from nyxqa.builders.filters.benchmark_filter import BenchmarkFilter
from nyxqa.builders.mining.gold import GoldFinder
from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.question_sets.outputs import GOLD, SET_QUESTIONS
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.passages import Passage
from nyxqa.builders.question_sets.questions import Gold, Question, read_questions
from nyxqa.builders.question_sets.row_source import source_state
from nyxqa.builders.stages.names import SOURCE, text_stage
from nyxqa.schemas.ids import query_id
from nyxqa.schemas.recipe import TextSet

VERSION = 2
_CLEAN_VERSION = 1
BATCH = 2_048  # questions per shard

Batch = list[Question | Drop]


def read_set_questions(run: Run, text: TextSet) -> StepOutput:
    """The questions of a set (rows of SET_QUESTIONS), in the order of its source.

    :raises WorldError: If the source is missing.
    """
    source = source_state(text.questions, text.split)
    params = {"source": source, "count": text.count, "generation": run.generation(SOURCE)}
    step = Step(f"{text_stage(text.name)}/questions", VERSION, params, (), text.split, "row", "row")
    return run.map(step, partial(questions_shard, text.name, text.split), partial(_batches, text), SET_QUESTIONS)


def _batches(text: TextSet) -> Iterator[Batch]:
    rows = read_questions(text.questions, text.split, text.count)
    while batch := list(islice(rows, BATCH)):
        yield batch


def questions_shard(dataset: str, split: str, batch: Batch) -> ShardOutput:
    """One batch of questions with their ids."""
    account = Account([_name(item) for item in batch])
    rows: list[dict[str, Any]] = []
    for item in batch:
        if isinstance(item, Drop):
            account.dropped.append(item)
            continue
        rows.append(
            {
                "name": item.name,
                "query_id": query_id(dataset, own_id(item.own_id, split)),
                "key": question_key(item.text, ()),
                "text": item.text,
                "answers": list(item.answers),
                "gold": [{"title": g.title, "text": g.text, "passage_id": g.passage_id} for g in item.gold],
            }
        )
    account.parents = [row["name"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=SET_QUESTIONS), account)


def own_id(value: str | int, split: str) -> str | int:
    """A question's own id as it enters ``query_id``: a row number outside train gets its split as a prefix.

    Row numbers start at 0 in every split, so those of two splits would be equal.
    """
    return value if isinstance(value, str) or split == "train" else f"{split}:{value}"


def _name(item: Question | Drop) -> str:
    return item.item_id if isinstance(item, Drop) else item.name


def find_gold(run: Run, text: TextSet, questions: StepOutput, pool: StepOutput) -> StepOutput:
    """For each question the rows of the pool's passages that its set names as evidence (rows of GOLD)."""
    inputs = (questions.fingerprint, pool.fingerprint)
    step = Step(f"{text_stage(text.name)}/gold", VERSION, {}, inputs, text.split)
    return run.run_once(step, partial(write_gold, questions, pool.folder))


def write_gold(questions: StepOutput, pool: Path, folder: Path) -> None:
    """Find the evidence of all questions in one pass over the pool; writes one file per file of questions."""
    finder = GoldFinder([Gold(**piece) for piece in row["gold"]] for row in questions.rows(["gold"]))
    for row, passage in PassagePool(pool).places():
        finder.match(row, Passage(passage.name, passage.external_id, passage.title, passage.text))
    number = 0
    for file in questions.files():
        names = pq.read_table(file, columns=["name"])["name"].to_pylist()
        gold = [{"name": name, "rows": finder.rows(number + place)} for place, name in enumerate(names)]
        write_table(folder / file.name, pa.Table.from_pylist(gold, schema=GOLD))
        number += len(names)


def decontaminate_questions(run: Run, text: TextSet, questions: StepOutput, benchmark: StepOutput) -> StepOutput:
    """The questions of a set that overlap with no item of the benchmark."""
    inputs = (questions.fingerprint, benchmark.fingerprint)
    step = Step(f"{text_stage(text.name)}/contaminated", _CLEAN_VERSION, {}, inputs, text.split, "row", "row")
    return run.map(
        step,
        partial(filter_questions_shard, [BenchmarkFilter(benchmark.folder).set_questions]),
        questions.files,
        SET_QUESTIONS,
    )


def filter_questions_shard(filters: Sequence[Filter], file: Path) -> ShardOutput:
    """Questions of one shard that every filter retains."""
    table = pq.read_table(file)
    kept, rejected = apply_filters(table, filters)
    names = table["name"].to_pylist()
    drops = [Drop("row", names[row], "", why.reason, why.detail) for row, why in rejected.items()]
    return ShardOutput(kept.cast(SET_QUESTIONS), Account(names, kept["name"].to_pylist(), drops))


def contaminated_positives(
    benchmark: BenchmarkFilter, triplets: Sequence[Mapping[str, Any]], texts: Sequence[Sequence[str]]
) -> list[Drop | None]:
    """For each triplet its ledger row if a positive overlaps with an item of the benchmark, else None.

    :param texts: Texts of each triplet's positives, in their order.
    """
    verdicts = iter(benchmark.passages([text for own in texts for text in own]))
    drops: list[Drop | None] = []
    for row, own in zip(triplets, texts, strict=True):
        judged = [(one["doc_id"], next(verdicts)) for one, _ in zip(row["positives"], own, strict=True)]
        rejected = ((name, why) for name, why in judged if why is not None)
        first = next(rejected, None)
        if first is None:
            drops.append(None)
        else:
            name, why = first
            drops.append(Drop("row", row["name"], "", why.reason, f"positive {name}: {why.detail}"))
    return drops

"""Steps ``text.NAME/questions`` and ``text.NAME/gold``: questions with their ids, and the evidence they name."""

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
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.passages import Passage
from nyxqa.builders.question_sets.questions import Gold, Question, read_questions
from nyxqa.builders.question_sets.row_schemas import GOLD, SET_QUESTIONS
from nyxqa.builders.question_sets.row_source import source_state
from nyxqa.builders.stages.names import SOURCE, text_stage
from nyxqa.schemas.ids import query_id
from nyxqa.schemas.recipe import TextSet

VERSION = 1
_CLEAN_VERSION = 1
BATCH = 2_048  # questions of a shard

Batch = list[Question | Drop]


def questions(run: Run, text: TextSet) -> StepOutput:
    """The questions of a set, in the order of its source.

    :raises WorldError: If the source is missing.
    """
    source = source_state(text.questions, text.split)
    params = {"source": source, "count": text.count, "generation": run.generation(SOURCE)}
    step = Step(f"{text_stage(text.name)}/questions", VERSION, params, (), text.split, "row", "row")
    return run.map(step, partial(keep_questions, text.name, text.split), partial(_batches, text), SET_QUESTIONS)


def _batches(text: TextSet) -> Iterator[Batch]:
    rows = read_questions(text.questions, text.split, text.count)
    while batch := list(islice(rows, BATCH)):
        yield batch


def keep_questions(dataset: str, split: str, batch: Batch) -> ShardOutput:
    """One batch, with ids."""
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


def own_id(found: str | int, split: str) -> str | int:
    """A set's own id as it enters ids: row numbers start anew in every split, so those beside train are named."""
    return found if isinstance(found, str) or split == "train" else f"{split}:{found}"


def _name(item: Question | Drop) -> str:
    return item.item_id if isinstance(item, Drop) else item.name


def gold(run: Run, text: TextSet, asked: StepOutput, pool: StepOutput) -> StepOutput:
    """For each question the rows of the passages that its set names as evidence."""
    inputs = (asked.fingerprint, pool.fingerprint)
    step = Step(f"{text_stage(text.name)}/gold", VERSION, {}, inputs, text.split)
    return run.run_once(step, partial(write_gold, asked, pool.folder))


def write_gold(asked: StepOutput, pool: Path, folder: Path) -> None:
    """Find the evidence of all questions in one pass over the pool; one file for each file of questions."""
    finder = GoldFinder([Gold(**piece) for piece in row["gold"]] for row in asked.rows(["gold"]))
    for row, passage in PassagePool(pool).places():
        finder.take(row, Passage(passage.name, passage.external_id, passage.title, passage.text))
    number = 0
    for file in asked.files():
        names = pq.read_table(file, columns=["name"])["name"].to_pylist()
        found = [{"name": name, "rows": finder.rows(number + place)} for place, name in enumerate(names)]
        write_table(folder / file.name, pa.Table.from_pylist(found, schema=GOLD))
        number += len(names)


def uncontaminated(run: Run, text: TextSet, asked: StepOutput, benchmark: StepOutput) -> StepOutput:
    """The questions of a set that overlap with no item of the benchmark."""
    inputs = (asked.fingerprint, benchmark.fingerprint)
    step = Step(f"{text_stage(text.name)}/contaminated", _CLEAN_VERSION, {}, inputs, text.split, "row", "row")
    return run.map(
        step, partial(clean_questions, [BenchmarkFilter(benchmark.folder).set_questions]), asked.files, SET_QUESTIONS
    )


def clean_questions(filters: Sequence[Filter], file: Path) -> ShardOutput:
    """Questions of one shard that every filter keeps."""
    table = pq.read_table(file)
    kept, rejected = apply_filters(table, filters)
    names = table["name"].to_pylist()
    drops = [Drop("row", names[row], "", why.reason, why.detail) for row, why in rejected.items()]
    return ShardOutput(kept.cast(SET_QUESTIONS), Account(names, kept["name"].to_pylist(), drops))


def contaminated_positives(
    benchmark: BenchmarkFilter, triplets: Sequence[Mapping[str, Any]], texts: Sequence[Sequence[str]]
) -> list[Drop | None]:
    """For each triplet the ledger row if one of its positives overlaps with an item.

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

"""Stage ``difficulty``: questions whose document a named retriever finds first are labelled or dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.executors.protocol import Where
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.mining.judging import judges
from nyxqa.builders.qa.evidence import collects_evidence
from nyxqa.builders.qa.keys import drop_question
from nyxqa.builders.stages.names import DIFFICULTY
from nyxqa.builders.stages.negatives import Mining, found_documents, index_documents
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.retriever.encoders.factory import is_dense, make_encoder
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Filters, Negatives, Recipe

VERSION = 1
EASY = "easy"


def require_checked(recipe: Recipe) -> None:
    """Refuse to keep only hard questions that nothing has checked: what is hard to find may be wrong.

    :raises UsageError: If easy questions are to go and ``verify`` or ``judge`` is off.
    """
    if recipe.filters.difficulty != "drop" or not recipe.filters.enabled:
        return
    model = make_provider(recipe.vlm.model).info
    verifies = collects_evidence(recipe.verify, make_provider(recipe.verify.model or recipe.vlm.model).info)
    off = [name for name, on in (("verify", verifies), ("judge", judges(recipe.judge, model))) if not on]
    if off:
        raise UsageError(
            f'filters.difficulty = "drop" keeps the hard questions, which may be the wrong ones: stage {off[0]} must '
            'be on, which needs a real model (vlm.model = openai:MODEL@URL); or set it to "label"'
        )


@dataclass(frozen=True)
class Difficulty:
    """What a worker needs.

    :param drops: Whether easy questions go.
    """

    mining: Mining
    drops: bool

    def shard(self, task: tuple[Path, int]) -> ShardOutput:
        """Questions of one shard; of an easy one the ledger says which retriever finds it."""
        file, shards = task
        table = pq.read_table(file)
        rows: list[dict[str, Any]] = table.to_pylist()
        asked = [row for row in rows if row["positives"]]
        found = found_documents(self.mining, asked, 1, shards) if asked else []
        first = {row["qa_id"]: set(ids[:1]) for row, ids in zip(asked, found, strict=True)}
        easy = {row["qa_id"] for row in asked if first[row["qa_id"]] & {one["doc_id"] for one in row["positives"]}}
        detail = f"{self.mining.encoder().name} finds its document first"
        kept = [row for row in rows if not (self.drops and row["qa_id"] in easy)]
        account = Account([row["qa_id"] for row in rows], [row["qa_id"] for row in kept])
        for row in (one for one in rows if one["qa_id"] in easy):
            drop = drop_question(row, EASY, detail)
            if self.drops:
                account.dropped.append(drop)
            else:
                account.notes.append(Drop("row", drop.item_id, drop.parent_id, EASY, detail))
        return ShardOutput(pa.Table.from_pylist(kept, schema=table.schema), account)


def difficulty(
    run: Run,
    questions: StepOutput,
    documents: StepOutput,
    packs: Path,
    filters: Filters,
    settings: Negatives,
    split: str,
    schema: pa.Schema,
) -> StepOutput:
    """Label or drop the questions that ``filters.difficulty_encoder`` finds first among the documents of the split.

    :param settings: The section on negatives, for the instruction of queries.
    :param schema: Schema of the questions.
    """
    own = settings.model_copy(update={"encoder": filters.difficulty_encoder})
    index = index_documents(run, documents, packs, own, split)
    params = {
        "difficulty": filters.difficulty,
        "encoder": make_encoder(own.encoder).fingerprint,
        "instruction": own.instruction,
    }
    step = Step(DIFFICULTY, VERSION, params, (questions.fingerprint, index.fingerprint), split, "question", "question")
    worker = Difficulty(Mining(own, packs, index.folder), filters.difficulty == "drop")
    where: Where = "encoder" if is_dense(own.encoder) else "workers"
    return run.map(step, worker.shard, partial(_tasks, questions, index), schema, where)


def _tasks(questions: StepOutput, index: StepOutput) -> Iterator[tuple[Path, int]]:
    shards = len(index.files())
    for file in questions.files():
        yield file, shards

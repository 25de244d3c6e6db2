"""Questions of a set, and triplets by their positives, that overlap with the user's benchmarks go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.question_sets.row_schemas import SET_QUESTIONS
from nyxqa.builders.stages.benchmark import REASON, Against
from nyxqa.builders.stages.names import text_stage
from nyxqa.schemas.recipe import TextSet

VERSION = 1


def uncontaminated(run: Run, text: TextSet, asked: Parts, benchmark: Parts) -> Parts:
    """The questions of a set that overlap with no item of the benchmark."""
    inputs = (asked.fingerprint, benchmark.fingerprint)
    step = Step(f"{text_stage(text.name)}/contaminated", VERSION, {}, inputs, text.split, "row", "row")
    return run.map(step, partial(clean_questions, Against(benchmark.folder)), asked.files, SET_QUESTIONS)


def clean_questions(against: Against, file: Path) -> ShardOutput:
    """Questions of one shard that overlap with no item."""
    rows = pq.read_table(file).to_pylist()
    found = against.questions([{"question": row["text"], "images": ()} for row in rows])
    drops = [Drop("row", row["name"], "", REASON, told) for row, told in zip(rows, found, strict=True) if told]
    kept = [row for row, told in zip(rows, found, strict=True) if told is None]
    account = Account([row["name"] for row in rows], [row["name"] for row in kept], drops)
    return ShardOutput(pa.Table.from_pylist(kept, SET_QUESTIONS), account)


def contaminated_positives(
    against: Against, triplets: Sequence[Mapping[str, Any]], texts: Sequence[Sequence[str]]
) -> list[Drop | None]:
    """For each triplet the ledger row if one of its positives overlaps with an item.

    :param texts: Texts of each triplet's positives, in their order.
    """
    found = iter(against.passages([text for own in texts for text in own]))
    drops: list[Drop | None] = []
    for row, own in zip(triplets, texts, strict=True):
        told = [(one["doc_id"], next(found)) for one, _ in zip(row["positives"], own, strict=True)]
        first = next(((name, overlap) for name, overlap in told if overlap is not None), None)
        drops.append(
            None if first is None else Drop("row", row["name"], "", REASON, f"positive {first[0]}: {first[1]}")
        )
    return drops

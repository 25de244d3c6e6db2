"""Stage ``passages.POOL``: read the passages of a pool, each text once, and index them for each encoder."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import DropWriter
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.question_sets.passage_pool import PassagePool, write_pool
from nyxqa.builders.question_sets.passages import read_passages
from nyxqa.builders.question_sets.row_source import PASSAGES, source_state
from nyxqa.builders.report.funnel import largest_loss
from nyxqa.builders.stages.names import SOURCE, pool_stage
from nyxqa.retriever.protocols import Encoder
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.sql import file_list

VERSION = 2


def passages(run: Run, pool: str, spec: str) -> StepOutput:
    """The pool that ``spec`` names, in a folder for ``PassagePool``.

    :raises WorldError: If the source is missing or has no passage.
    """
    params = {"source": source_state(spec, PASSAGES), "generation": run.generation(SOURCE)}
    step = Step(pool_stage(pool), VERSION, params, unit_in="row", unit_out="document")
    return run.run_once(step, partial(write_passages, step, spec))


def write_passages(step: Step, spec: str, folder: Path) -> Counts:
    """Read the source once and write the pool and its ledger.

    :raises WorldError: If no passage is left.
    """
    drops = DropWriter(step, folder)
    count = write_pool(read_passages(spec), folder, drops.add)
    drops.flush()
    if not count:
        with database(folder) as db:
            why = largest_loss(db, [], "", f"read_parquet({file_list(drops.files)})" if drops.files else "")
        raise WorldError(f"{step.name}: {spec.partition(':')[0]} source has no passage: {why}")
    return Counts(count + drops.count, count, drops.count, 0, count)


def passage_index(run: Run, pool: str, passages: StepOutput, encoder: Encoder, dense: bool) -> StepOutput:
    """The pool's index by ``encoder``; building a dense one resumes shard by shard after a stopped run."""
    params = {"encoder": encoder.fingerprint}
    step = Step(f"{pool_stage(pool)}/index", VERSION, params, (passages.fingerprint,))
    return run.run_once(step, partial(write_index, passages.folder, encoder), resume=dense, encoder=dense)


def write_index(pool: Path, encoder: Encoder, folder: Path) -> None:
    """Index the passages of ``pool``."""
    encoder.build(PassagePool(pool).entries(encoder.needs_images), folder)

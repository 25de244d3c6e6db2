"""Deciding over all rows at once, then applying the decisions to each part file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from nyxqa.builders.engine.accounting import Counts, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.schemas.errors import LawError

T = TypeVar("T")


def paired_files(rows: StepOutput, decisions: StepOutput) -> list[tuple[Path, Path]]:
    """Each part file of ``rows`` with the part file of its decisions.

    :raises LawError: If a file is missing, or there is not one file of decisions for each file of rows.
    """
    files, decided = rows.files(), decisions.files()
    if len(files) != len(decided):
        raise LawError(
            f"{decisions.folder} holds decisions for {len(decided)} files, and {rows.folder} has {len(files)}; remove "
            "both folders and run again"
        )
    return list(zip(files, decided, strict=True))


def decide_then_apply(
    run: Run,
    rows: StepOutput,
    decide: Step,
    write: Callable[[Path], Counts | None],
    apply: Step,
    tasks: Callable[[StepOutput, StepOutput], Iterable[T]],
    function: Callable[[T], ShardOutput],
    schema: pa.Schema,
    resume: bool = False,
) -> StepOutput:
    """Run (or plan) two steps: one that decides over all of ``rows``, and one that applies its decisions by shard.

    A stage that must see every row (to find duplicates, to draw a sample) does so in one process and in bounded
    memory; its decisions are then applied in parallel, and that resumes shard by shard.

    :param decide: The deciding step; its inputs are set here, to ``rows``.
    :param write: Writes the decisions into a folder, one part file for each part file of ``rows``.
    :param apply: The applying step; its inputs are set here, to the decisions, which depend on ``rows`` already.
    :param tasks: Makes the tasks of ``function`` out of rows and decisions, as ``paired_files`` does.
    :param function: Computes one shard of a task; picklable.
    :param schema: The schema of its rows.
    :param resume: Whether ``write`` continues from what a stopped run left in its folder.
    :returns: The output of ``apply``.
    """
    decisions = run.run_once(replace(decide, inputs=(rows.fingerprint,)), write, resume)
    return run.map(replace(apply, inputs=(decisions.fingerprint,)), function, partial(tasks, rows, decisions), schema)

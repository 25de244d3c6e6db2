"""Stage ``verify``: drop questions that do not need their evidence; without a judge all pass, not verified."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.qa.evidence import collect_evidence, collects_evidence, missing_outcome
from nyxqa.builders.qa.keys import drop_question
from nyxqa.builders.rows import QUESTIONS
from nyxqa.builders.vlm.handle import VlmHandle, vlm_request
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.recipe import Keep, Verify

VERSION = 2


def verify(run: Run, questions: StepOutput, handle: VlmHandle, settings: Verify, split: str) -> StepOutput:
    """Ask each question closed-book, with its document, without its images and with its images only.

    Retains questions with the outcomes in ``keep``. Without a judge all pass, and their evidence is null.
    """
    if not collects_evidence(settings, handle.info):
        step = Step("verify", VERSION, {"enabled": False}, (questions.fingerprint,), split, "question", "question")
        return run.map(step, pass_shard, questions.files, QUESTIONS)
    params = {"keep": sorted(settings.keep), "vlm": handle.params()}
    step = Step("verify", VERSION, params, (questions.fingerprint,), split, "question", "question")
    return run.map(step, partial(verify_shard, handle, settings.keep), questions.files, QUESTIONS, handle.where)


def verify_shard(handle: VlmHandle, keep: Sequence[Keep], file: Path) -> ShardOutput:
    """Questions of one shard that need their evidence, with the verdicts."""
    questions = pq.read_table(file).to_pylist()
    rows: list[dict[str, Any]] = []
    drops: list[Drop] = []
    asks = (vlm_request(row, handle, id_column="qa_id") for row in questions)
    outcomes = collect_evidence(handle.open(), asks, [row["answers"] for row in questions])
    for row, outcome in zip(questions, ACTIVITY.counted(outcomes), strict=True):
        if isinstance(outcome, Failed):
            drops.append(drop_question(row, outcome.reason, outcome.detail))
            continue
        reason = missing_outcome(outcome, keep)
        if reason is None:
            rows.append({**row, "evidence": outcome})
        else:
            drops.append(drop_question(row, reason))
    account = Account([row["qa_id"] for row in questions], [row["qa_id"] for row in rows], drops)
    return ShardOutput(pa.Table.from_pylist(rows, schema=QUESTIONS), account)


def pass_shard(file: Path) -> ShardOutput:
    """All questions of one shard."""
    table = pq.read_table(file).cast(QUESTIONS)
    ids = table["qa_id"].to_pylist()
    return ShardOutput(table, Account(ids, ids))

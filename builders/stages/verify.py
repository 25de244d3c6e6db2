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
from nyxqa.builders.qa.nuggets import nugget_texts
from nyxqa.builders.rows import QUESTIONS
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.handle import VlmHandle, vlm_request
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Keep, Verify

VERIFY = "verify"
VERSION = 2


def require_verifier(model: str) -> None:
    """Refuse a model that cannot check, before anything is read.

    :raises UsageError: Naming the key.
    """
    try:
        info = make_provider(model).info
    except UsageError as error:
        raise UsageError(str(error).replace("vlm.model", "verify.model")) from error
    if not info.can_judge:
        raise UsageError(f"verify.model = {info.generator!r} cannot judge; name a real one: openai:MODEL@URL")


def verify(
    run: Run,
    questions: StepOutput,
    handle: VlmHandle,
    settings: Verify,
    split: str,
    schema: pa.Schema = QUESTIONS,
) -> StepOutput:
    """Ask each question closed-book, with its document, without its images and with its images only.

    A question that needs two documents is asked with each of them alone too. Retains questions with the outcomes in
    ``keep``. Without a judge all pass, and their evidence is null.

    :param handle: The model that answers, which may be another than the one that asked.
    :param schema: Schema of the questions.
    """
    if not collects_evidence(settings, handle.info):
        step = Step(VERIFY, VERSION, {"enabled": False}, (questions.fingerprint,), split, "question", "question")
        return run.map(step, partial(pass_shard, schema=schema), questions.files, schema)
    params = {"keep": sorted(settings.keep), "vlm": handle.params()}
    step = Step(VERIFY, VERSION, params, (questions.fingerprint,), split, "question", "question")
    return run.map(step, partial(verify_shard, handle, settings.keep), questions.files, schema, handle.where)


def verify_shard(handle: VlmHandle, keep: Sequence[Keep], file: Path) -> ShardOutput:
    """Questions of one shard that need their evidence, with the verdicts."""
    table = pq.read_table(file)
    questions = table.to_pylist()
    rows: list[dict[str, Any]] = []
    drops: list[Drop] = []
    asks = (vlm_request(row, handle, id_column="qa_id") for row in questions)
    nuggets = [nugget_texts(row) for row in questions]
    outcomes = collect_evidence(handle.open(), asks, [row["answers"] for row in questions], nuggets)
    for row, outcome in zip(questions, ACTIVITY.counted(outcomes), strict=True):
        if isinstance(outcome, Failed):
            drops.append(drop_question(row, outcome.reason, outcome.detail))
            continue
        reason = missing_outcome(outcome, keep)
        if reason is None:
            rows.append({**row, "evidence": outcome})
        else:
            drops.append(drop_question(row, reason, row.get("type") or ""))
    account = Account([row["qa_id"] for row in questions], [row["qa_id"] for row in rows], drops)
    return ShardOutput(pa.Table.from_pylist(rows, schema=table.schema), account)


def pass_shard(file: Path, schema: pa.Schema = QUESTIONS) -> ShardOutput:
    """All questions of one shard."""
    table = pq.read_table(file).cast(schema)
    ids = table["qa_id"].to_pylist()
    return ShardOutput(table, Account(ids, ids))

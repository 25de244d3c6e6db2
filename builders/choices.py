"""Stage ``choices``: the key and three distractors in a balanced order."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.ask import Asking, ask_of
from nyxqa.builders.engine.account import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.questions import drop_question
from nyxqa.builders.rows import QUESTIONS
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.chance import lot
from nyxqa.schemas.recipe import Choices

VERSION = 1


def choices(run: Run, questions: Parts, asking: Asking, settings: Choices, split: str) -> Parts:
    """Give each question its options (PAPER, stages 8 and 9); the key's position is drawn by keyed hash."""
    params = {"choices": settings, "vlm": asking.params()}
    step = Step("choices", VERSION, params, (questions.fingerprint,), split, "question", "question")
    return run.map(step, partial(choices_shard, asking, settings.count), questions.files, QUESTIONS, asking.where)


def choices_shard(asking: Asking, count: int, file: Path) -> ShardOutput:
    """Questions of one shard with their options; a question without enough of them is dropped."""
    questions = pq.read_table(file).to_pylist()
    rows: list[dict[str, Any]] = []
    drops: list[Drop] = []
    outcomes = asking.open().distractors((ask_of(row, asking, row["answer"]) for row in questions), count - 1)
    for row, outcome in zip(questions, outcomes, strict=True):
        if isinstance(outcome, Failed):
            drops.append(drop_question(row, outcome.reason, outcome.detail))
            continue
        wrong = distinct(outcome.value, row["answers"])[: count - 1]
        if len(wrong) < count - 1:
            drops.append(drop_question(row, "too_few_distractors", f"{len(wrong)} of {count - 1}"))
            continue
        label = lot(asking.seed, "choices", row["qa_id"]) % count
        options = [*wrong[:label], row["answer"], *wrong[label:]]
        rows.append({**row, "choices": options, "label": label})
    account = Account([row["qa_id"] for row in questions], [row["qa_id"] for row in rows], drops)
    return ShardOutput(pa.Table.from_pylist(rows, schema=QUESTIONS), account)


def distinct(options: list[str], answers: list[str]) -> list[str]:
    """Options that differ, once normalised, from every accepted answer and from each other."""
    seen = {normalise_answer(answer) for answer in answers}
    kept = []
    for option in options:
        folded = normalise_answer(option)
        if folded and folded not in seen:
            seen.add(folded)
            kept.append(" ".join(option.split()))
    return kept

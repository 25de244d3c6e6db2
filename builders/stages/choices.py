"""Stage ``choices``: give each question multiple-choice options, the key and three distractors, in a random order."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.qa.keys import drop_question
from nyxqa.builders.qa.paraphrases import finds_paraphrases, paraphrases
from nyxqa.builders.rows import QUESTIONS
from nyxqa.builders.vlm.handle import VlmHandle, vlm_request
from nyxqa.builders.vlm.prompt import form_of
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.recipe import Choices

VERSION = 2
SPARE = 2  # extra distractors requested, in case some are paraphrases of the key


def choices(
    run: Run,
    questions: StepOutput,
    handle: VlmHandle,
    settings: Choices,
    encoder: str,
    split: str,
    schema: pa.Schema = QUESTIONS,
) -> StepOutput:
    """Give each question its options (Nyx steps 8 and 9); the key's position is decided by keyed hash.

    With an ``e5:`` encoder, options that paraphrase the key are replaced by spare ones.
    """
    params: dict[str, Any] = {"count": settings.count, "vlm": handle.params()}
    judge = encoder if finds_paraphrases(encoder) else ""
    if judge:
        params["paraphrase"] = {"encoder": encoder, "from": settings.paraphrase}
    step = Step("choices", VERSION, params, (questions.fingerprint,), split, "question", "question")
    function = partial(choices_shard, handle, settings, judge)
    return run.map(step, function, questions.files, schema, "driver" if judge else handle.where)


def choices_shard(handle: VlmHandle, settings: Choices, encoder: str, file: Path) -> ShardOutput:
    """Questions of one shard with their options; a question without enough of them is dropped.

    :param encoder: Encoder that detects paraphrases of the key; "" for no detection.
    """
    table = pq.read_table(file)
    everything = table.to_pylist()
    questions = [row for row in everything if has_options(row)]
    rows: list[dict[str, Any]] = []
    drops: list[Drop] = []
    count = settings.count - 1
    asks = (vlm_request(row, handle, row["answer"]) for row in questions)
    outcomes = list(ACTIVITY.counted(handle.open().distractors(asks, count, SPARE if encoder else 0)))
    wrong = [
        [] if isinstance(outcome, Failed) else distinct(outcome.value, row["answers"])
        for row, outcome in zip(questions, outcomes, strict=True)
    ]
    paraphrased = [set[str]()] * len(wrong)
    if encoder:
        paraphrased = paraphrases(encoder, [row["answer"] for row in questions], wrong, settings.paraphrase)
    for row, outcome, offered, same in zip(questions, outcomes, wrong, paraphrased, strict=True):
        distractors = [option for option in offered if option not in same][:count]
        if isinstance(outcome, Failed):
            drops.append(drop_question(row, outcome.reason, outcome.detail))
        elif len(distractors) < count:
            detail = f"{len(distractors)} of {count}" + (f", {len(same)} say the key in other words" if same else "")
            drops.append(drop_question(row, "too_few_distractors", detail))
        else:
            label = keyed_hash(handle.seed, "choices", row["qa_id"]) % settings.count
            rows.append({**row, "choices": [*distractors[:label], row["answer"], *distractors[label:]], "label": label})
    made = {row["qa_id"]: row for row in rows} | {row["qa_id"]: row for row in everything if not has_options(row)}
    rows = [made[row["qa_id"]] for row in everything if row["qa_id"] in made]
    account = Account([row["qa_id"] for row in everything], [row["qa_id"] for row in rows], drops)
    return ShardOutput(pa.Table.from_pylist(rows, schema=table.schema), account)


def has_options(row: Mapping[str, Any]) -> bool:
    """Whether a question gets options: all but those that are answered in sentences."""
    return form_of(row.get("type") or "") != "long"


def distinct(options: list[str], answers: list[str]) -> list[str]:
    """Options that, normalised, differ from every accepted answer and from each other."""
    seen = {normalise_answer(answer) for answer in answers}
    unique = []
    for option in options:
        folded = normalise_answer(option)
        if folded and folded not in seen:
            seen.add(folded)
            unique.append(" ".join(option.split()))
    return unique

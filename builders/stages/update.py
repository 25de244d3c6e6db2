"""Stage ``update``: the questions of the published version that stay, verified again where their document changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.mining.judging import judges
from nyxqa.builders.qa.answer_match import contains_answer, searchable_answers
from nyxqa.builders.qa.evidence import collect_evidence, collects_evidence, missing_outcome
from nyxqa.builders.qa.nuggets import nugget_texts
from nyxqa.builders.rows import KIND_QUESTIONS
from nyxqa.builders.stages.common_words import read_common_words
from nyxqa.builders.stages.judge import judge_renewed, judged_rows
from nyxqa.builders.stages.names import UPDATE
from nyxqa.builders.stages.negatives import renew_negatives
from nyxqa.builders.update.carry import CARRIED, Remains, write_carried
from nyxqa.builders.update.parent import STALE, Parent, UpdateInputs, write_parent
from nyxqa.builders.vlm.handle import VlmHandle, vlm_request
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.recipe import Recipe, Update, Verify
from nyxqa.schemas.tables import QA_SPLITS

VERSION = 1
_CARRY_VERSION = 1
_PARENT_VERSION = 1
_QUESTION = ("question", "question")
# What a question has that a recipe asks for without naming types.
_PLAIN = {"type": "", "nuggets": [], "answerable": True, "second": None}
VERIFY = f"{UPDATE}/verify"


@dataclass(frozen=True)
class Published:
    """What an update starts from.

    :param tables: Output of the step that wrote the tables of the published version.
    :param inputs: The version as stages see it.
    """

    tables: StepOutput
    inputs: UpdateInputs


def parent_step(fingerprint: str) -> Step:
    """The step that writes the tables of the version of that fingerprint."""
    return Step(f"{UPDATE}/parent", _PARENT_VERSION, {"parent": fingerprint})


def read_parent(run: Run, parent: Parent, settings: Update) -> Published:
    """The tables of the published version, written beside the build before it is replaced."""
    tables = run.run_once(parent_step(parent.fingerprint), partial(write_parent, parent))
    return Published(tables, UpdateInputs(parent.fingerprint, tables.folder, parent.splits, settings))


def carry(
    run: Run, published: Published, remains: Remains, handle: VlmHandle, recipe: Recipe, splits: Sequence[str]
) -> dict[str, StepOutput]:
    """The published questions of each split that stay: with their documents, or verified again with a changed one.

    :returns: Rows of CARRIED by split.
    """
    kept: dict[str, StepOutput] = {}
    for split in (name for name in QA_SPLITS if name in splits and name in published.inputs.splits):
        inputs = (published.tables.fingerprint, remains.documents.fingerprint, remains.chunks.fingerprint)
        words = None if remains.words is None else remains.words.fingerprint
        params = {**published.inputs.params("stale"), "exclude": list(remains.exclude), "words": words}
        step = Step(f"{UPDATE}/carry", _CARRY_VERSION, params, inputs, split, *_QUESTION)
        carried = run.run_once(step, partial(write_carried, remains, published.inputs, read_common_words, step))
        kept[split] = _verified(run, carried, handle.verifier(recipe.verify.model), recipe.verify, split)
    return kept


def _verified(run: Run, carried: StepOutput, handle: VlmHandle, settings: Verify, split: str) -> StepOutput:
    """Verify the stale questions; without a judge the answer must be in the document."""
    params: dict[str, Any] = {"enabled": False}
    if collects_evidence(settings, handle.info):
        params = {"keep": sorted(settings.keep), "vlm": handle.params()}
    step = Step(VERIFY, VERSION, params, (carried.fingerprint,), split, *_QUESTION)
    if "vlm" not in params:
        return run.map(step, look_shard, carried.files, CARRIED)
    return run.map(step, partial(verify_shard, handle, settings), carried.files, CARRIED, handle.where)


def look_shard(file: Path) -> ShardOutput:
    """Published questions of one shard without those whose answer is not in their changed document."""
    questions = pq.read_table(file).to_pylist()
    faults = {row["qa_id"]: "its answer does not stand in the changed document" for row in questions if _unsaid(row)}
    return _kept(questions, faults)


def _unsaid(row: Mapping[str, Any]) -> bool:
    document = row["document"]
    shown = "\n".join([document["text"], *(image["caption"] for image in document["images"])])
    return row["stale"] and not contains_answer(shown, searchable_answers(row["answers"]))


def verify_shard(handle: VlmHandle, settings: Verify, file: Path) -> ShardOutput:
    """Published questions of one shard, the stale ones as the model verifies them with their changed document."""
    questions = pq.read_table(file).to_pylist()
    stale = [row for row in questions if row["stale"]]
    asks = (vlm_request(row, handle, id_column="qa_id") for row in stale)
    answers, nuggets = [row["answers"] for row in stale], [nugget_texts(row) for row in stale]
    outcomes = collect_evidence(handle.open(), asks, answers, nuggets)
    faults: dict[str, str] = {}
    for row, outcome in zip(stale, ACTIVITY.counted(outcomes), strict=True):
        reason = outcome.reason if isinstance(outcome, Failed) else missing_outcome(outcome, settings.keep)
        if reason is not None:
            faults[row["qa_id"]] = f"with its changed document: {reason}"
        elif not isinstance(outcome, Failed):
            row["evidence"] = outcome
    return _kept(questions, faults)


def _kept(questions: Sequence[dict[str, Any]], faults: Mapping[str, str]) -> ShardOutput:
    """Questions without those with a fault; a note says of which document one was asked that has another now."""
    account = Account([row["qa_id"] for row in questions])
    rows = [row for row in questions if row["qa_id"] not in faults]
    for row in questions:
        name, doc_id = row["qa_id"], row["document"]["doc_id"]
        if name in faults:
            account.dropped.append(Drop("question", name, row["asked_of"], STALE, faults[name]))
        elif row["asked_of"] != doc_id:
            text = f"question {name} was asked of document {row['asked_of']} and holds for document {doc_id} too"
            account.notes.append(Drop("document", f"{name}:{row['asked_of']}", name, STALE, text))
    account.parents = [row["qa_id"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=CARRIED), account)


@dataclass(frozen=True)
class Renewal:
    """What negatives are mined and judged with.

    :param documents: Rows of SPLIT_DOCUMENTS, of all splits.
    :param index: The index of those of the split.
    :param packs: Folder of the image packs.
    :param words: The common words of all documents, for rule ``answer``.
    """

    recipe: Recipe
    documents: StepOutput
    index: StepOutput
    packs: Path
    words: StepOutput | None
    handle: VlmHandle


def join_published(
    run: Run, published: Published, questions: StepOutput, kept: StepOutput, renewal: Renewal, split: str
) -> StepOutput:
    """The published questions of one split with their negatives, behind the new ones.

    :param questions: The new questions, as the last stage before gave them.
    :param kept: Rows of CARRIED.
    :returns: Rows like those of ``questions``.
    """
    recipe, schema = renewal.recipe, KIND_QUESTIONS
    kept = renew_negatives(
        run, kept, renewal.index, renewal.packs, recipe.negatives, split, renewal.words, published.inputs
    )
    if judges(recipe.judge, renewal.handle.info):
        kept = judge_renewed(run, kept, renewal.documents, renewal.handle, recipe.judge, split)
        schema = judged_rows(schema)
    # Its rows are those of two inputs, so that neither is the one that it must have taken in whole.
    inputs = (published.tables.fingerprint, questions.fingerprint, kept.fingerprint)
    step = Step(f"{UPDATE}/joined", VERSION, {}, inputs, split)
    return run.run_once(step, partial(write_joined, [questions, kept], schema))


def write_joined(outputs: Sequence[StepOutput], schema: pa.Schema, folder: Path) -> None:
    """Write the rows of all outputs, file by file, with the columns of ``schema``."""
    files = [file for output in outputs for file in output.files()]
    for number, file in enumerate(files):
        rows = [{**_PLAIN, **row} for row in pq.read_table(file).to_pylist()]
        write_table(part_file(folder, number), pa.Table.from_pylist(rows, schema))

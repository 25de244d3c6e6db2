"""Stage ``refine``: rules for what is certain, placeholders resolved, the model's word on the rest, no repetition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.decide import decide_then_apply, paired_files
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.filters.base import Filter, apply_filters
from nyxqa.builders.filters.benchmark_filter import BenchmarkFilter
from nyxqa.builders.qa.duplicates import write_duplicates
from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.qa.rules import RuleViolation, cites_image, resolve_citations
from nyxqa.builders.rows import QUESTIONS
from nyxqa.builders.vlm.handle import VlmHandle, vlm_request
from nyxqa.builders.vlm.protocol import Answered, Failed, QaPair, Vlm
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.ids import qa_id
from nyxqa.schemas.recipe import Refine
from nyxqa.schemas.words import words

VERSION = 3
_REPEATED_VERSION = 2


def refine(
    run: Run,
    drafts: StepOutput,
    handle: VlmHandle,
    settings: Refine,
    threshold: float | None,
    split: str,
    benchmark: StepOutput | None,
) -> StepOutput:
    """Make questions of drafts: rules for what is certain, images resolved, then every pair goes to the model.

    It makes the question self-contained, says the answer in at most ``max_answer_words`` words, or deletes the pair.

    Then questions that overlap with a benchmark are dropped, and those that repeat an earlier one of the split.

    :param drafts: Rows of DRAFTS.
    :param threshold: Jaccard similarity from which questions of equal answers are repeated; None: only equal ones are.
    :param benchmark: The index of ``filters.decontaminate``, if that names files.
    :returns: Rows of QUESTIONS.
    """
    params = {"refine": section_params(settings, ("rules", "max_answer_words")), "vlm": handle.params()}
    rules = Step("refine/rules", VERSION, params, (drafts.fingerprint,), split, "question", "question")
    ruled = run.map(rules, partial(rules_shard, handle, settings), drafts.files, QUESTIONS, handle.where)
    if benchmark is not None:
        inputs = (ruled.fingerprint, benchmark.fingerprint)
        clean = Step("refine/contaminated", VERSION, {}, inputs, split, "question", "question")
        ruled = run.map(
            clean, partial(clean_shard, [BenchmarkFilter(benchmark.folder).questions]), ruled.files, QUESTIONS
        )
    return decide_then_apply(
        run,
        ruled,
        Step("refine/repeated", _REPEATED_VERSION, {"threshold": threshold}, split=split),
        partial(write_duplicates, ruled, threshold),
        Step("refine", VERSION, split=split, unit_in="question", unit_out="question"),
        paired_files,
        drop_repeated,
        QUESTIONS,
    )


def rules_shard(handle: VlmHandle, settings: Refine, file: Path) -> ShardOutput:
    """Questions of one shard of drafts that pass the rules."""
    drafts = pq.read_table(file).to_pylist()
    rows: list[dict[str, Any]] = []
    drops: list[Drop] = []
    for draft in drafts:
        row = _resolved(draft, settings)
        if isinstance(row, RuleViolation):
            drops.append(_drop(draft, row.reason, row.detail))
        else:
            rows.append(row)
    rows = _refined(rows, drops, handle, settings)
    for row in rows:
        ids = [image["image_id"] for image in row["images"]]
        row["qa_id"] = qa_id(row["question"], ids, row["answer"], row["document"]["doc_id"])
        row["key"] = question_key(row["question"], ids)
        row["order_key"] = keyed_hash(handle.seed, "assemble", row["qa_id"])
    account = Account([draft["draft"] for draft in drafts], [row["draft"] for row in rows], drops)
    return ShardOutput(pa.Table.from_pylist(rows, schema=QUESTIONS), account)


def _resolved(draft: Mapping[str, Any], settings: Refine) -> dict[str, Any] | RuleViolation:
    """A row of QUESTIONS that is not refined yet, or the rule that the draft breaks."""
    images = draft["document"]["images"]
    resolved = resolve_citations(draft["question"], len(images), settings.rules)
    answer = " ".join(draft["answer"].split())
    if isinstance(resolved, RuleViolation):
        return resolved
    if not words(answer):
        return RuleViolation("no_answer")
    if cites_image(answer):
        return RuleViolation("bad_citation", "the answer cites an image")
    return {
        **{name: draft[name] for name in ("draft", "generator", "prompts", "document")},
        "question": resolved.question,
        "images": [images[index] for index in resolved.images],
        "answer": answer,
        "answer_long": answer,
        **{name: [] for name in ("choices", "positives", "negative_ids", "negative_ranks", "negative_scores")},
        "label": -1,
        "miner": "",
        "evidence": None,
    }


def _refined(
    rows: list[dict[str, Any]], drops: list[Drop], handle: VlmHandle, settings: Refine
) -> list[dict[str, Any]]:
    """Rows as the model refined them, with an answer of at most ``max_answer_words``; others enter ``drops``."""
    refined: list[dict[str, Any]] = []
    model: Vlm = handle.open()
    outcomes = model.refine((vlm_request(row, handle, row["answer"]) for row in rows), settings.max_answer_words)
    for row, outcome in zip(rows, ACTIVITY.counted(outcomes), strict=True):
        fault = _taken(row, outcome, settings)
        if fault is None:
            row["answers"] = list(dict.fromkeys([row["answer"], row["answer_long"]]))
            refined.append(row)
        else:
            drops.append(_drop(row, fault.reason, fault.detail))
    return refined


def _taken(row: dict[str, Any], outcome: Answered[QaPair] | Failed, settings: Refine) -> RuleViolation | None:
    """Put the refined pair into ``row``; the fault if it must not be."""
    if isinstance(outcome, Failed):
        return RuleViolation(outcome.reason, outcome.detail)
    answer = " ".join(outcome.value.answer.split())
    if not 0 < len(words(answer)) <= settings.max_answer_words or cites_image(answer):
        return RuleViolation("answer_too_long")
    row["answer"] = answer
    rewritten, images = " ".join(outcome.value.question.split()), row["images"]
    if not rewritten or words(rewritten) == words(plain_text(row["question"])):
        return None
    resolved = resolve_citations(rewritten, len(images), settings.rules)
    if isinstance(resolved, RuleViolation):
        return resolved
    if sorted(resolved.images) != list(range(len(images))):
        return RuleViolation("bad_citation", "the question written anew cites other images")
    row["question"], row["images"] = resolved.question, [images[index] for index in resolved.images]
    return None


def clean_shard(filters: Sequence[Filter], file: Path) -> ShardOutput:
    """Questions of one shard that every filter keeps."""
    table = pq.read_table(file)
    _, rejected = apply_filters(table, filters)
    return _without(table.to_pylist(), {row: (why.reason, why.detail) for row, why in rejected.items()})


def drop_repeated(task: tuple[Path, Path]) -> ShardOutput:
    """Questions of one shard that repeat no earlier one."""
    rows, repeated = (pq.read_table(file).to_pylist() for file in task)
    return _without(rows, {found["row"]: (found["reason"], found["detail"]) for found in repeated})


def _without(rows: list[dict[str, Any]], faults: Mapping[int, tuple[str, str]]) -> ShardOutput:
    """The rows but those whose number has a fault, a reason and a detail."""
    drops = [_drop(rows[row], reason, detail) for row, (reason, detail) in faults.items()]
    kept = [row for number, row in enumerate(rows) if number not in faults]
    account = Account([row["draft"] for row in rows], [row["draft"] for row in kept], drops)
    return ShardOutput(pa.Table.from_pylist(kept, schema=QUESTIONS), account)


def _drop(row: Mapping[str, Any], reason: str, detail: str) -> Drop:
    return Drop("question", row["draft"], row["document"]["doc_id"], reason, detail)

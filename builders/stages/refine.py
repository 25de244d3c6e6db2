"""Stage ``refine``: apply the rules, resolve placeholders, shorten answers, and drop repeated questions."""

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
from nyxqa.builders.vlm.protocol import Failed, Vlm
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.ids import qa_id
from nyxqa.schemas.recipe import Refine
from nyxqa.schemas.words import words

VERSION = 2
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
    """Make questions of drafts: rules on whole words, images resolved, answers of at most ``max_answer_words``.

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
    rows = _shortened(rows, drops, handle, settings.max_answer_words)
    for row in rows:
        ids = [image["image_id"] for image in row["images"]]
        row["qa_id"] = qa_id(row["question"], ids, row["answer"], row["document"]["doc_id"])
        row["key"] = question_key(row["question"], ids)
        row["order_key"] = keyed_hash(handle.seed, "assemble", row["qa_id"])
    account = Account([draft["draft"] for draft in drafts], [row["draft"] for row in rows], drops)
    return ShardOutput(pa.Table.from_pylist(rows, schema=QUESTIONS), account)


def _resolved(draft: Mapping[str, Any], settings: Refine) -> dict[str, Any] | RuleViolation:
    """A row of QUESTIONS whose answer is not shortened yet, or the rule that the draft breaks."""
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


def _shortened(
    rows: list[dict[str, Any]], drops: list[Drop], handle: VlmHandle, max_words: int
) -> list[dict[str, Any]]:
    """Rows with an answer of at most ``max_words`` words, shortened where needed; others are appended to ``drops``."""
    long = [row for row in rows if len(words(row["answer"])) > max_words]
    failed: set[str] = set()
    model: Vlm = handle.open()
    outcomes = model.shorten((vlm_request(row, handle, row["answer"]) for row in long), max_words)
    for row, outcome in zip(long, ACTIVITY.counted(outcomes), strict=True):
        short = "" if isinstance(outcome, Failed) else " ".join(outcome.value.split())
        if 0 < len(words(short)) <= max_words and not cites_image(short):
            row["answer"] = short
            continue
        reason, detail = (outcome.reason, outcome.detail) if isinstance(outcome, Failed) else ("answer_too_long", "")
        drops.append(_drop(row, reason, detail))
        failed.add(row["draft"])
    refined = [row for row in rows if row["draft"] not in failed]
    for row in refined:
        row["answers"] = list(dict.fromkeys([row["answer"], row["answer_long"]]))
    return refined


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

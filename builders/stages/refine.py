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
from nyxqa.builders.qa.nuggets import answer_facts, located_nuggets
from nyxqa.builders.qa.rules import RuleViolation, cites_image, resolve_citations
from nyxqa.builders.rows import QUESTIONS, question_rows
from nyxqa.builders.vlm.handle import VlmHandle, question_documents, vlm_request
from nyxqa.builders.vlm.prompt import LONG_WORDS, answer_size, form_of
from nyxqa.builders.vlm.protocol import Answered, Failed, QaPair, Vlm
from nyxqa.schemas.answers import LIST_SEPARATOR
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
    schema: pa.Schema = QUESTIONS,
    published: Mapping[str, StepOutput] | None = None,
) -> StepOutput:
    """Make questions of drafts: rules for what is certain, images resolved, then every pair goes to the model.

    It makes the question self-contained, says the answer in at most ``max_answer_words`` words, or deletes the pair.

    Then questions that overlap with a benchmark are dropped, and those that repeat an earlier one of the split.

    :param drafts: Rows of DRAFTS.
    :param threshold: Jaccard similarity from which questions of equal answers are repeated; None: only equal ones are.
    :param benchmark: The index of ``filters.decontaminate``, if that names files.
    :param schema: Schema of the rows to return.
    :param published: In an update the published questions that stay, by split; a question that repeats one of them is
        dropped.
    :returns: Rows of QUESTIONS, or of KIND_QUESTIONS.
    """
    published = published or {}
    params = {"refine": section_params(settings, ("rules", "max_answer_words")), "vlm": handle.params()}
    rules = Step("refine/rules", VERSION, params, (drafts.fingerprint,), split, "question", "question")
    ruled = run.map(rules, partial(rules_shard, handle, settings), drafts.files, schema, handle.where)
    if benchmark is not None:
        inputs = (ruled.fingerprint, benchmark.fingerprint)
        clean = Step("refine/contaminated", VERSION, {}, inputs, split, "question", "question")
        ruled = run.map(clean, partial(clean_shard, [BenchmarkFilter(benchmark.folder).questions]), ruled.files, schema)
    repeated: dict[str, Any] = {"threshold": threshold}
    if published:
        repeated["published"] = {name: output.fingerprint for name, output in published.items()}
    return decide_then_apply(
        run,
        ruled,
        Step("refine/repeated", _REPEATED_VERSION, repeated, split=split),
        partial(write_duplicates, ruled, threshold, published=_in_order(published, split)),
        Step("refine", VERSION, split=split, unit_in="question", unit_out="question"),
        paired_files,
        drop_repeated,
        schema,
    )


def _in_order(published: Mapping[str, StepOutput], split: str) -> list[StepOutput]:
    """The published questions of the split itself, then those of the others."""
    return [output for name, output in sorted(published.items(), key=lambda item: item[0] != split)]


def rules_shard(handle: VlmHandle, settings: Refine, file: Path) -> ShardOutput:
    """Questions of one shard of drafts that pass the rules."""
    table = pq.read_table(file)
    drafts = table.to_pylist()
    rows: list[dict[str, Any]] = []
    drops: list[Drop] = []
    for draft in drafts:
        row = _resolved(draft, settings)
        if isinstance(row, RuleViolation):
            drops.append(_drop(draft, row.reason, row.detail))
        else:
            rows.append(row)
    rows = _refined(rows, drops, handle, settings)
    has_kinds = "type" in table.schema.names
    if has_kinds:
        rows = _with_nuggets(rows, drops)
    for row in rows:
        ids = [image["image_id"] for image in row["images"]]
        row["qa_id"] = qa_id(row["question"], ids, row["answer"], row["document"]["doc_id"])
        row["key"] = question_key(row["question"], ids)
        row["order_key"] = keyed_hash(handle.seed, "assemble", row["qa_id"])
    account = Account([draft["draft"] for draft in drafts], [row["draft"] for row in rows], drops)
    return ShardOutput(pa.Table.from_pylist(rows, schema=question_rows(has_kinds)), account)


def _resolved(draft: Mapping[str, Any], settings: Refine) -> dict[str, Any] | RuleViolation:
    """A row of QUESTIONS that is not refined yet, or the rule that the draft breaks."""
    images = _images(draft)
    resolved = resolve_citations(draft["question"], len(images), settings.rules)
    answer = _as_form(draft["answer"], draft.get("type"))
    if isinstance(resolved, RuleViolation):
        return resolved
    if not words(answer):
        return RuleViolation("no_answer")
    if cites_image(answer):
        return RuleViolation("bad_citation", "the answer cites an image")
    return {
        **{name: draft[name] for name in ("draft", "generator", "prompts", "document")},
        **{name: draft.get(name) for name in ("type", "facts", "second")},
        "answerable": True,
        "question": resolved.question,
        "images": [images[index] for index in resolved.images],
        "answer": answer,
        "answer_long": answer,
        **{name: [] for name in ("choices", "positives", "negative_ids", "negative_ranks", "negative_scores")},
        "label": -1,
        "miner": "",
        "evidence": None,
    }


def _images(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Images of the documents that a question is about, in the order of their numbers."""
    return [image for document in question_documents(row) for image in document["images"]]


def _as_form(answer: str, question_type: str | None) -> str:
    """An answer on one line; the items of a list sorted, each once, joined by semicolons."""
    if form_of(question_type or "") != "list":
        return " ".join(answer.split())
    items = {" ".join(item.split()).strip(".") for item in answer.split(LIST_SEPARATOR.strip())} - {""}
    return LIST_SEPARATOR.join(sorted(items))


def _with_nuggets(rows: list[dict[str, Any]], drops: list[Drop]) -> list[dict[str, Any]]:
    """Rows with the facts of long answers; one none of whose facts stands in its documents enters ``drops``."""
    kept = []
    for row in rows:
        row["nuggets"] = []
        if form_of(row["type"]) == "long":
            facts = row["facts"] or answer_facts(row["answer"])
            row["nuggets"] = located_nuggets(facts, question_documents(row))
            if not row["nuggets"]:
                drops.append(_drop(row, "no_nugget", "no fact of the answer stands in the document"))
                continue
        kept.append(row)
    return kept


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
    answer = _as_form(outcome.value.answer, row["type"])
    form = form_of(row["type"] or "")
    most = LONG_WORDS if form == "long" else settings.max_answer_words
    if not 0 < answer_size(answer, form) <= most or cites_image(answer):
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
    faults = {row: (why.reason, why.detail) for row, why in rejected.items()}
    return _without(table.to_pylist(), faults, table.schema)


def drop_repeated(task: tuple[Path, Path]) -> ShardOutput:
    """Questions of one shard that repeat no earlier one."""
    rows, repeated = (pq.read_table(file) for file in task)
    faults = {found["row"]: (found["reason"], found["detail"]) for found in repeated.to_pylist()}
    return _without(rows.to_pylist(), faults, rows.schema)


def _without(rows: list[dict[str, Any]], faults: Mapping[int, tuple[str, str]], schema: pa.Schema) -> ShardOutput:
    """The rows but those whose number has a fault, a reason and a detail."""
    drops = [_drop(rows[row], reason, detail) for row, (reason, detail) in faults.items()]
    kept = [row for number, row in enumerate(rows) if number not in faults]
    account = Account([row["draft"] for row in rows], [row["draft"] for row in kept], drops)
    return ShardOutput(pa.Table.from_pylist(kept, schema=schema), account)


def _drop(row: Mapping[str, Any], reason: str, detail: str) -> Drop:
    return Drop("question", row["draft"], row["document"]["doc_id"], reason, detail)

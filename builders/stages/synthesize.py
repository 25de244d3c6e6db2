"""Stage ``synthesize``: a model writes questions about each seed."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.rows import DRAFTS
from nyxqa.builders.vlm.guidance import NO_GUIDANCE, Guidance, read_guidance
from nyxqa.builders.vlm.handle import VlmHandle, vlm_document
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.ids import short_hash
from nyxqa.schemas.recipe import Synthesize

VERSION = 1

_ECHO = "it repeats one of the queries of synthesize.style"
_REFUSED_IMAGE = "the model's server refused the image; its caption was sent in its place"


def synthesize(run: Run, seeds: StepOutput, handle: VlmHandle, settings: Synthesize, split: str) -> StepOutput:
    """Ask for at most ``max_questions`` context-independent questions per document (Nyx steps 4 and 6)."""
    guidance = read_guidance(settings)
    if guidance != NO_GUIDANCE and handle.info.is_local:
        raise UsageError(
            f"synthesize.style, instructions, languages and prompt need a real model, not {handle.info.generator}: "
            "set vlm.model to openai:MODEL@URL, or leave them out"
        )
    params = {"synthesize": section_params(settings, ("max_questions",)), "vlm": handle.params()}
    if guidance != NO_GUIDANCE:
        params["guidance"] = {**asdict(guidance), "examples": list(guidance.examples)}
    step = Step("synthesize", VERSION, params, (seeds.fingerprint,), split, unit_in="document", unit_out="question")
    return run.map(
        step,
        partial(synthesize_shard, handle, settings.max_questions, guidance=guidance),
        seeds.files,
        DRAFTS,
        handle.where,
    )


def synthesize_shard(handle: VlmHandle, most: int, file: Path, guidance: Guidance = NO_GUIDANCE) -> ShardOutput:
    """Drafts of one shard of seeds, named DOC:ORDINAL."""
    documents = pq.read_table(file).to_pylist()
    model = handle.open()
    own = {name: short_hash(text) for name, text in guidance.prompts().items()}
    hashes = {**model.info.prompts, **own}
    prompts = {field.name: hashes.get(field.name, "") for field in DRAFTS.field("prompts").type}
    rows: list[dict[str, Any]] = []
    drops: list[Drop] = []
    notes: list[Drop] = []
    outcomes = model.questions((vlm_document(document, handle) for document in documents), most, guidance.prompts())
    for document, outcome in zip(documents, ACTIVITY.counted(outcomes), strict=True):
        pairs = [] if isinstance(outcome, Failed) else outcome.value
        left_out = () if isinstance(outcome, Failed) else outcome.left_out
        notes += [Drop("image", image, document["doc_id"], "refused_image", _REFUSED_IMAGE) for image in left_out]
        if not pairs:
            reason, detail = (outcome.reason, outcome.detail) if isinstance(outcome, Failed) else ("no_question", "")
            drops.append(Drop("document", document["doc_id"], document["page_id"], reason, detail))
        names = [f"{document['doc_id']}:{ordinal}" for ordinal in range(len(pairs))]
        echoed = {name for name, pair in zip(names, pairs, strict=True) if guidance.echoes(pair.question)}
        if len(echoed) < len(pairs):
            notes += [Drop("question", name, document["doc_id"], "echoed_example", _ECHO) for name in sorted(echoed)]
        elif pairs:
            drops.append(Drop("document", document["doc_id"], document["page_id"], "no_question", _ECHO))
        for name, pair in zip(names, pairs, strict=True):
            if name in echoed:
                continue
            rows.append(
                {
                    "draft": name,
                    "question": pair.question,
                    "answer": pair.answer,
                    "generator": model.info.generator,
                    "prompts": prompts,
                    "document": document,
                }
            )
    parents = [row["document"]["doc_id"] for row in rows]
    account = Account([document["doc_id"] for document in documents], parents, drops, notes)
    return ShardOutput(pa.Table.from_pylist(rows, schema=DRAFTS), account)

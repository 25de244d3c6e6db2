"""Stage ``synthesize``: a model writes questions about each seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.rows import DRAFTS, KIND_DRAFTS
from nyxqa.builders.stages.second_documents import second_documents, second_of
from nyxqa.builders.vlm.guidance import NO_GUIDANCE, Guidance, read_guidance
from nyxqa.builders.vlm.handle import VlmHandle, vlm_document
from nyxqa.builders.vlm.prompt import form_hashes, form_of, joined_documents
from nyxqa.builders.vlm.protocol import Answered, Failed, QaPair, VlmDocument
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.ids import short_hash
from nyxqa.schemas.recipe import Synthesize

VERSION = 1

_ECHO = "it repeats one of the queries of synthesize.style"
_REFUSED_IMAGE = "the model's server refused the image; its caption was sent in its place"
_ALONE = "its page has no other document of its split"

_Row = dict[str, Any]


@dataclass(frozen=True)
class Writer:
    """What a worker needs to write drafts.

    :param most: Maximum number of questions of a document.
    :param seconds: Folder of the second documents; None where questions are about one.
    """

    handle: VlmHandle
    most: int
    guidance: Guidance = NO_GUIDANCE
    seconds: Path | None = None
    schema: pa.Schema = DRAFTS

    def prompts(self) -> dict[str, str]:
        """Short hashes of the prompts by name."""
        own = {name: short_hash(text) for name, text in self.guidance.prompts().items() if text}
        hashes = {**self.handle.info.prompts, **own}
        if self.guidance.hops > 1:
            hashes["questions_multi"] = ""
        return {field.name: hashes.get(field.name, "") for field in DRAFTS.field("prompts").type}

    def shown(self, document: _Row, second: _Row | None) -> VlmDocument:
        """A seed as the model reads it, with its second document."""
        shown = vlm_document(document, self.handle)
        if second is not None:
            shown = joined_documents(shown, vlm_document(second, self.handle))
        types = self.guidance.drawn_types(self.handle.seed, document["doc_id"], self.most)
        return replace(shown, types=types) if types else shown

    def fault(self, pair: QaPair) -> tuple[str, str] | None:
        """Why a pair is left out: reason and detail."""
        if self.guidance.echoes(pair.question):
            return "echoed_example", _ECHO
        shares = dict(self.guidance.types)
        if pair.type and shares and pair.type not in shares:
            return "other_type", f"{pair.type} is none of synthesize.types"
        return None

    def type_of(self, pair: QaPair) -> str:
        """The type of a pair: that which the model names, or the only one of the recipe; else unknown."""
        types = self.guidance.types
        return types[0][0] if len(types) == 1 else pair.type


def synthesize(
    run: Run, seeds: StepOutput, documents: StepOutput, handle: VlmHandle, settings: Synthesize, split: str
) -> StepOutput:
    """Ask for at most ``max_questions`` context-independent questions per document (Nyx steps 4 and 6).

    :param documents: Rows of SPLIT_DOCUMENTS, of all splits, among which second documents are.
    :returns: Rows of DRAFTS, or of KIND_DRAFTS.
    """
    guidance = read_guidance(settings)
    if handle.info.is_local and (guidance.needs_model or settings.unanswerable):
        raise UsageError(
            "synthesize.style, instructions, languages, prompt, hops, unanswerable and types other than facts need a "
            f"real model, not {handle.info.generator}: set vlm.model to openai:MODEL@URL, or leave them out"
        )
    params: dict[str, Any] = {"synthesize": section_params(settings, ("max_questions",)), "vlm": handle.params()}
    if guidance != NO_GUIDANCE:
        params["guidance"] = guidance.params()
    schema = KIND_DRAFTS if settings.has_kinds else DRAFTS
    if settings.has_kinds:
        params["has_kinds"] = True
    inputs: tuple[str, ...] = (seeds.fingerprint,)
    writer = Writer(handle, settings.max_questions, guidance, schema=schema)
    if settings.hops > 1:
        seconds = second_documents(run, documents, handle.seed, split)
        inputs += (seconds.fingerprint,)
        writer = replace(writer, seconds=seconds.folder)
    step = Step("synthesize", VERSION, params, inputs, split, unit_in="document", unit_out="question")
    return run.map(step, partial(synthesize_shard, writer), seeds.files, schema, handle.where)


def synthesize_shard(writer: Writer, file: Path) -> ShardOutput:
    """Drafts of one shard of seeds, named DOC:ORDINAL."""
    seeds = pq.read_table(file).to_pylist()
    account = Account([document["doc_id"] for document in seeds])
    rows: list[_Row] = []
    pairs = list(_with_second(writer, seeds, account))
    prompts = writer.prompts()
    shown = (writer.shown(document, second) for document, second in pairs)
    outcomes = writer.handle.open().questions(shown, writer.most, writer.guidance.prompts())
    for (document, second), outcome in zip(pairs, ACTIVITY.counted(outcomes), strict=True):
        for number, pair in _kept(writer, document, outcome, account):
            kind = writer.type_of(pair)
            own = {
                "draft": f"{document['doc_id']}:{number}",
                "question": pair.question,
                "answer": pair.answer,
                "generator": writer.handle.info.generator,
                "prompts": {**prompts, **form_hashes(form_of(kind))},
                "document": document,
                **{"type": kind, "facts": list(pair.nuggets), "second": second},
            }
            rows.append({name: own[name] for name in writer.schema.names})
    account.parents = [row["document"]["doc_id"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=writer.schema), account)


def _with_second(writer: Writer, seeds: list[_Row], account: Account) -> Iterator[tuple[_Row, _Row | None]]:
    """Seeds with their second documents; one that has none where it needs one is dropped."""
    for document in seeds:
        second = None if writer.seconds is None else second_of(writer.seconds, document["doc_id"])
        if writer.seconds is not None and second is None:
            account.dropped.append(_drop(document, "no_second_document", _ALONE))
        else:
            yield document, second


def _kept(
    writer: Writer, document: _Row, outcome: Answered[list[QaPair]] | Failed, account: Account
) -> Iterator[tuple[int, QaPair]]:
    """The pairs that stay with their ordinals; others, or a document without any, enter the account."""
    if isinstance(outcome, Failed):
        account.dropped.append(_drop(document, outcome.reason, outcome.detail))
        return
    doc_id = document["doc_id"]
    account.notes += [Drop("image", image, doc_id, "refused_image", _REFUSED_IMAGE) for image in outcome.left_out]
    faults = {number: fault for number, pair in enumerate(outcome.value) if (fault := writer.fault(pair))}
    if len(faults) == len(outcome.value):
        account.dropped.append(_drop(document, "no_question", faults[0][1] if faults else ""))
        return
    account.notes += [Drop("question", f"{doc_id}:{number}", doc_id, *fault) for number, fault in faults.items()]
    yield from ((number, pair) for number, pair in enumerate(outcome.value) if number not in faults)


def _drop(document: Mapping[str, Any], reason: str, detail: str) -> Drop:
    return Drop("document", document["doc_id"], document["page_id"], reason, detail)

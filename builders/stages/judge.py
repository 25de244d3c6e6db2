"""Stage ``judge``: ask the model whether negatives answer their question; one that does is not a negative."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.mining.judging import (
    POSITIVE_WRONG,
    Case,
    Negative,
    Outcome,
    Verdict,
    apply_verdicts,
    ask_judge,
)
from nyxqa.builders.mining.text_rules import normalise_title
from nyxqa.builders.qa.keys import drop_question, text_key
from nyxqa.builders.qa.nuggets import nugget_texts
from nyxqa.builders.question_sets.outputs import QA_ROWS, SET_TRIPLETS, SetParts
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.pools import PassagesPool
from nyxqa.builders.rows import QUESTIONS, SPLIT_DOCUMENTS
from nyxqa.builders.update.carry import CARRIED
from nyxqa.builders.vlm.handle import VlmHandle, vlm_document, vlm_images, vlm_request
from nyxqa.builders.vlm.protocol import VlmDocument, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.recipe import Judge, QaSet

VERSION = 2
_DOCUMENTS_VERSION = 1
_RENEWED_VERSION = 2
_KEYS = ("most", "policy", "negatives", "positives")  # data keys of recipe section ``[judge]``
_TABLE = "documents.arrow"
_COLUMNS = ("doc_id", "text", "images", "page_id", "title", "language", "cluster")

# What the model said of the negatives that it was asked about; null without a usable answer.
_JUDGED = pa.field("judged", pa.list_(pa.struct([("doc_id", pa.string()), ("answers", pa.bool_())])))


def judged_rows(schema: pa.Schema) -> pa.Schema:
    """Rows of questions with what the model said of their negatives."""
    return schema.append(_JUDGED)


JUDGED_TRIPLETS = SET_TRIPLETS.append(_JUDGED)
JUDGED_ROWS = QA_ROWS.append(_JUDGED)

_Row = dict[str, Any]


@dataclass(frozen=True)
class SetJudge:
    """What a worker needs to judge the negatives of a set.

    :param pool: Name of the pool.
    :param folder: Folder of the pool.
    :param titles: Whether negatives must not have the title of a positive.
    :param schema: Schema of the judged rows.
    """

    handle: VlmHandle
    settings: Judge
    pool: str
    folder: Path
    titles: bool
    schema: pa.Schema


def judge(
    run: Run,
    questions: StepOutput,
    documents: StepOutput,
    handle: VlmHandle,
    settings: Judge,
    split: str,
    schema: pa.Schema = QUESTIONS,
) -> StepOutput:
    """Judge the negatives of the questions about pages, the best first, at most ``most`` of each.

    :param questions: Rows of QUESTIONS with negatives.
    :param documents: Rows of SPLIT_DOCUMENTS, of all splits.
    :param schema: Schema of the questions.
    :returns: The questions with column ``judged``.
    """
    stored = _stored(run, documents, split)
    params = {"judge": section_params(settings, _KEYS), "vlm": handle.params()}
    step = Step("judge", VERSION, params, (questions.fingerprint, stored.fingerprint), split, "question", "question")
    shard = partial(judge_shard, handle, settings, stored.folder)
    return run.map(step, shard, questions.files, judged_rows(schema), handle.where)


def judge_renewed(
    run: Run, carried: StepOutput, documents: StepOutput, handle: VlmHandle, settings: Judge, split: str
) -> StepOutput:
    """Judge the negatives of published questions that were mined again; the others are judged already.

    :param carried: Rows of CARRIED.
    :param documents: Rows of SPLIT_DOCUMENTS, of all splits.
    :returns: Rows of CARRIED with column ``judged``.
    """
    stored = _stored(run, documents, split)
    params = {"judge": section_params(settings, _KEYS), "vlm": handle.params(), "version": VERSION}
    inputs = (carried.fingerprint, stored.fingerprint)
    step = Step("update/judge", _RENEWED_VERSION, params, inputs, split, "question", "question")
    shard = partial(judge_renewed_shard, handle, settings, stored.folder)
    return run.map(step, shard, carried.files, judged_rows(CARRIED), handle.where)


def _stored(run: Run, documents: StepOutput, split: str) -> StepOutput:
    store = Step("judge/documents", _DOCUMENTS_VERSION, {}, (documents.fingerprint,), split)
    return run.run_once(store, partial(write_documents, documents, split))


def judge_set(run: Run, part: SetParts, pool: StepOutput, handle: VlmHandle, settings: Judge) -> StepOutput:
    """Judge the negatives of a question set.

    :param part: Its triplets, or questions, not yet judged.
    :param handle: The model, with the image packs of the questions.
    :returns: Their rows with column ``judged``.
    """
    titles = part.text is not None and "title" in part.text.exclude
    params = {"judge": section_params(settings, _KEYS), "vlm": handle.params(), "titles": titles}
    inputs = (part.triplets.fingerprint, pool.fingerprint)
    schema, unit = (JUDGED_ROWS, "question") if isinstance(part.text, QaSet) else (JUDGED_TRIPLETS, "triplet")
    step = Step(f"{part.stage}/judge", VERSION, params, inputs, part.split, unit, unit)
    judged = SetJudge(handle, settings, part.pool, pool.folder, titles, schema)
    return run.map(step, partial(judge_set_shard, judged), part.triplets.files, schema, handle.where)


def write_documents(documents: StepOutput, split: str, folder: Path) -> None:
    """Write the documents of one split so that they are found by id; one part file is in memory at a time."""
    schema = pa.schema([SPLIT_DOCUMENTS.field(name) for name in _COLUMNS])
    table = IdTable(folder / _TABLE, "doc_id")
    with pa.OSFile(str(table.file), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for part in documents.files():
            rows = pq.read_table(part, columns=[*_COLUMNS, "split"])
            own = rows.filter(pc.equal(rows["split"], split)).select(_COLUMNS)
            for batch in own.cast(schema).to_batches(max_chunksize=1_024):
                writer.write_batch(batch)
    table.write_index()


@dataclass(frozen=True)
class _Documents:
    """Documents of one split by id."""

    table: IdTable

    def __call__(self, doc_id: str) -> _Row:
        (row,) = self.table.rows([doc_id]).tolist()
        return {name: self.table.table.column(name)[row].as_py() for name in _COLUMNS}

    def keys(self, doc_id: str) -> dict[str, str]:
        """What negatives must not share with a positive."""
        row = self(doc_id)
        return {"page_id": row["page_id"], "cluster": row["cluster"], "key": text_key(row["text"])}


@lru_cache(maxsize=8)
def _documents(folder: Path) -> _Documents:
    return _Documents(IdTable(folder / _TABLE, "doc_id"))


def judge_shard(handle: VlmHandle, settings: Judge, folder: Path, file: Path) -> ShardOutput:
    """Questions of one shard with the negatives that do not answer them."""
    table = pq.read_table(file)
    questions = table.to_pylist()
    account = Account([row["qa_id"] for row in questions])
    rows = _judge_questions(handle, settings, folder, questions, account)
    account.parents = [row["qa_id"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=judged_rows(table.schema)), account)


def judge_renewed_shard(handle: VlmHandle, settings: Judge, folder: Path, file: Path) -> ShardOutput:
    """Published questions of one shard, those mined again with the negatives that do not answer them."""
    table = pq.read_table(file)
    questions = table.to_pylist()
    account = Account([row["qa_id"] for row in questions])
    asked = [row for row in questions if row["mine"]]
    judged = {row["qa_id"]: row for row in _judge_questions(handle, settings, folder, asked, account)}
    lost = {row["qa_id"] for row in asked} - judged.keys()
    rows = [judged.get(row["qa_id"], {**row, "judged": []}) for row in questions if row["qa_id"] not in lost]
    account.parents = [row["qa_id"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=judged_rows(table.schema)), account)


def _judge_questions(
    handle: VlmHandle, settings: Judge, folder: Path, questions: Sequence[_Row], account: Account
) -> list[_Row]:
    """The questions that stay, as judged; drops and notes enter ``account``."""
    documents = _documents(folder)

    def source(doc_id: str) -> VlmDocument:
        return vlm_document(documents(doc_id), handle)

    def cases() -> Iterator[Case]:
        for row in questions:
            request = replace(vlm_request(row, handle, id_column="qa_id"), documents=())
            asked = [partial(source, one) for one in row["negative_ids"][: settings.most]]
            judges_own = settings.positives == "drop" and row.get("second") is None
            own = partial(vlm_document, row["document"], handle) if judges_own else None
            yield Case(request, asked, row["answers"], own, nugget_texts(row))

    rows: list[_Row] = []
    outcomes = ACTIVITY.counted(ask_judge(handle.open(), cases()))
    for row, (positive, verdicts) in zip(questions, outcomes, strict=True):
        if positive is not None and positive.answers is False:
            account.dropped.append(drop_question(row, POSITIVE_WRONG))
            continue
        own = _settings(settings, row.get("second") is not None)
        outcome = apply_verdicts(own, row["positives"], _negatives(row), verdicts, documents.keys)
        account.notes += _notes(row["qa_id"], outcome)
        rows.append({**row, **_columns(outcome, verdicts)})
    return rows


def judge_set_shard(judge: SetJudge, file: Path) -> ShardOutput:
    """Rows of one shard of a set with the negatives that do not answer their question."""
    triplets = pq.read_table(file).to_pylist()
    pool = PassagesPool(judge.pool, PassagePool(judge.folder))
    account = Account([row["name"] for row in triplets])
    rows: list[_Row] = []
    cases = (_set_case(judge, pool, row) for row in triplets)
    outcomes = ACTIVITY.counted(ask_judge(judge.handle.open(), cases))
    for row, (positive, verdicts) in zip(triplets, outcomes, strict=True):
        if positive is not None and positive.answers is False:
            account.dropped.append(Drop("row", row["name"], "", POSITIVE_WRONG))
            continue
        keys = partial(_passage_keys, pool, _places(row), judge.titles)
        own = _settings(judge.settings, row["needs"] == "all")
        outcome = apply_verdicts(own, row["positives"], _negatives(row), verdicts, keys)
        account.notes += _notes(row["query_id"], outcome)
        columns = _columns(outcome, verdicts)
        named = {*(one["doc_id"] for one in outcome.positives), *columns["negative_ids"]}
        rows.append({**row, **columns, "documents": [one for one in row["documents"] if one["doc_id"] in named]})
    account.parents = [row["name"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=judge.schema), account)


def _set_case(judge: SetJudge, pool: PassagesPool, row: Mapping[str, Any]) -> Case:
    """What is asked about one question; nothing without an answer to compare with.

    A positive that answers only together with others is not judged.
    """
    question = Content(row["query"], vlm_images(row["query_images"], judge.handle))
    request, places = VlmRequest(row["query_id"], question), _places(row)
    asked = [partial(pool.source, places[one]) for one in row["negative_ids"][: judge.settings.most]]
    own = None
    if judge.settings.positives == "drop" and row["positive_id"] and row["needs"] != "all":
        own = partial(pool.source, places[row["positive_id"]])
    return Case(request, asked, row["answers"], own) if row["answers"] else Case(request, [], [])


def _settings(settings: Judge, together: bool) -> Judge:
    """The settings of one question: a document that answers alone is not one of those that answer together."""
    leaves = together and settings.negatives == "positive"
    return settings.model_copy(update={"negatives": "remove"}) if leaves else settings


def _places(row: Mapping[str, Any]) -> dict[str, int]:
    return {one["doc_id"]: one["row"] for one in row["documents"]}


def _passage_keys(pool: PassagesPool, places: Mapping[str, int], titles: bool, doc_id: str) -> dict[str, str]:
    """What a negative must not share with a positive; its title if the set's recipe says so."""
    passage = pool.passages[places[doc_id]]
    title = normalise_title(passage.title) if titles else ""
    return {"key": text_key(passage.text), "title": title}


def _negatives(row: Mapping[str, Any]) -> list[Negative]:
    return list(map(Negative, row["negative_ids"], row["negative_ranks"], row["negative_scores"]))


def _notes(query_id: str, outcome: Outcome) -> list[Drop]:
    return [Drop("negative", f"{query_id}:{one.doc_id}", query_id, one.reason, one.detail) for one in outcome.notes]


def _columns(outcome: Outcome, verdicts: Sequence[Verdict]) -> _Row:
    return {
        "positives": outcome.positives,
        "negative_ids": [one.doc_id for one in outcome.negatives],
        "negative_ranks": [one.rank for one in outcome.negatives],
        "negative_scores": [one.score for one in outcome.negatives],
        "judged": [{"doc_id": one.doc_id, "answers": one.answers} for one in verdicts],
    }

"""Stage ``qrels``: the first documents of several retrievers for each validation and test question, judged 0 to 2.

The model answers the question with one document at a time, as in ``verify``: an accepted answer makes grade 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.assembly.inputs import WebInputs
from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.qa.keys import drop_question
from nyxqa.builders.qa.nuggets import nugget_texts
from nyxqa.builders.qa.relevance import grade_of, span_of
from nyxqa.builders.rows import JUDGEMENTS
from nyxqa.builders.stages.names import QRELS
from nyxqa.builders.vlm.answer_forms import form_of
from nyxqa.builders.vlm.handle import VlmHandle, vlm_document, vlm_images
from nyxqa.builders.vlm.protocol import Answered, Failed, VlmRequest
from nyxqa.retriever.encoders.factory import is_dense, make_encoder
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.content import Content
from nyxqa.schemas.recipe import Qrels
from nyxqa.schemas.tables import QRELS as TABLE

VERSION = 1
_SEARCH_VERSION = 1
_KEYS = ("systems", "depth", "most")  # data keys of recipe section ``[qrels]``
# Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009) adds 1 / (60 + rank).
_FUSION = 60
_FOUND = pa.schema([("qa_id", pa.string()), ("doc_ids", pa.list_(pa.string()))])
_DOCUMENT = ["doc_id", "text", "images", "title", "language"]

Row = Mapping[str, Any]


def qrels(run: Run, web: WebInputs, handle: VlmHandle, settings: Qrels, splits: Sequence[str]) -> dict[str, StepOutput]:
    """Judgements by split (rows of JUDGEMENTS); none unless systems are named and the model can judge.

    :param web: Documents of all splits, which are searched together, and the questions.
    """
    judged = [split for split in splits if split in TABLE.splits]
    if not settings.systems or not judged:
        return {}
    if not handle.info.can_judge:
        run.say(f"qrels: off, because {handle.info.generator} cannot judge documents")
        return {}
    indexes = {spec: _index(run, web, spec) for spec in settings.systems}
    return {split: _judge(run, web, handle, settings, split, indexes) for split in judged}


def _index(run: Run, web: WebInputs, spec: str) -> StepOutput:
    params = {"encoder": make_encoder(spec).fingerprint}
    step = Step(f"{QRELS}/index", _SEARCH_VERSION, params, (web.documents.fingerprint,))
    return run.run_once(step, partial(_build, web, spec), resume=is_dense(spec))


def _build(web: WebInputs, spec: str, folder: Path) -> None:
    encoder = make_encoder(spec)
    reader = PackReader(web.packs) if encoder.needs_images else None
    rows = web.documents.rows(["doc_id", "text", "images"])
    encoder.build((_entry(row["doc_id"], row["text"], row["images"], reader) for row in rows), folder)


def _entry(key: str, text: str, images: Sequence[Row], reader: PackReader | None) -> SearchEntry:
    captions = tuple(image["caption"] for image in images)
    return SearchEntry(key, text, captions, tuple(reader.read(image) for image in images) if reader else ())


def _judge(
    run: Run, web: WebInputs, handle: VlmHandle, settings: Qrels, split: str, indexes: Mapping[str, StepOutput]
) -> StepOutput:
    questions = web.questions[split]
    found = [_search(run, web, settings.depth, split, spec, index) for spec, index in indexes.items()]
    names = [make_encoder(spec).fingerprint for spec in settings.systems]
    params = {QRELS: {**section_params(settings, _KEYS), "systems": names}, "vlm": handle.params()}
    inputs = (questions.fingerprint, *(one.fingerprint for one in found))
    step = Step(QRELS, VERSION, params, inputs, split, "question", "row")
    judge = Judge(handle, settings.most, web.documents)
    return run.map(step, judge.shard, partial(_tasks, questions, found), JUDGEMENTS, handle.where)


def _search(run: Run, web: WebInputs, depth: int, split: str, spec: str, index: StepOutput) -> StepOutput:
    """The first documents of one system for each question."""
    questions = web.questions[split]
    inputs = (questions.fingerprint, index.fingerprint)
    step = Step(f"{QRELS}/search", _SEARCH_VERSION, {"depth": depth}, inputs, split, "question", "question")
    search = partial(search_shard, spec, index.folder, web.packs, depth)
    return run.map(step, search, questions.files, _FOUND, "driver" if is_dense(spec) else "workers")


def search_shard(spec: str, folder: Path, packs: Path, depth: int, file: Path) -> ShardOutput:
    """Rows of the first ``depth`` documents of each question of a shard."""
    rows = pq.read_table(file, columns=["qa_id", "question", "images"]).to_pylist()
    encoder = make_encoder(spec)
    reader = PackReader(packs) if encoder.needs_images else None
    index = encoder.open(folder)
    entries = [_entry(row["qa_id"], row["question"], row["images"], reader) for row in rows]
    hits = index.search(entries, depth).rows.tolist() if entries else []
    found = [
        {"qa_id": row["qa_id"], "doc_ids": [index.ids[one] for one in listed if one >= 0]}
        for row, listed in zip(rows, hits, strict=True)
    ]
    ids = [row["qa_id"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(found, schema=_FOUND), Account(ids, ids))


Task = tuple[Path, tuple[Path, ...]]


def _tasks(questions: StepOutput, found: Sequence[StepOutput]) -> Iterator[Task]:
    """A file of questions with what each system found for them."""
    files = [one.files() for one in found]
    for number, file in enumerate(questions.files()):
        yield file, tuple(listed[number] for listed in files)


def pooled(known: str, rankings: Sequence[Sequence[str]], most: int) -> list[str]:
    """The documents to judge, best first: the known one, then by the sum of 1 / (60 + rank) over the systems."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, one in enumerate(ranking, 1):
            scores[one] = scores.get(one, 0.0) + 1 / (_FUSION + rank)
    scores.pop(known, None)
    return [known, *sorted(scores, key=lambda one: (-scores[one], one))][:most]


@dataclass(frozen=True)
class Judge:
    """Judges the documents of a shard of questions.

    :param most: Most documents of a question.
    :param documents: Documents of all splits.
    """

    handle: VlmHandle
    most: int
    documents: StepOutput

    def shard(self, task: Task) -> ShardOutput:
        """Rows of JUDGEMENTS; a question none of whose documents could be judged is dropped."""
        file, found = task
        questions = pq.read_table(file).to_pylist()
        ranked = [pq.read_table(one)["doc_ids"].to_pylist() for one in found]
        listed = [
            pooled(row["document"]["doc_id"], [system[number] for system in ranked], self.most)
            for number, row in enumerate(questions)
        ]
        texts = self._read({one for several in listed for one in several})
        asked = self.handle.open().answer(self._requests(questions, listed, texts))
        rows: list[Row] = []
        account = Account([row["qa_id"] for row in questions], [])
        parents: list[str] = []
        for row, several in ACTIVITY.counted(zip(questions, listed, strict=True)):
            outcomes = [(one, next(asked)) for one in several]
            judged = [self._row(row, texts[one], outcome) for one, outcome in outcomes if isinstance(outcome, Answered)]
            failed = [(one, outcome) for one, outcome in outcomes if isinstance(outcome, Failed)]
            if not judged:
                account.dropped.append(drop_question(row, failed[0][1].reason, failed[0][1].detail))
                continue
            names = ((f"{row['qa_id']}:{one}", outcome) for one, outcome in failed)
            account.notes += [Drop("row", name, row["qa_id"], one.reason, one.detail) for name, one in names]
            rows += judged
            parents += [row["qa_id"]] * len(judged)
        account.parents = parents
        return ShardOutput(pa.Table.from_pylist(rows, schema=JUDGEMENTS), account)

    def _read(self, ids: set[str]) -> dict[str, Row]:
        wanted = pa.array(sorted(ids), pa.string())
        return {
            row["doc_id"]: row
            for file in self.documents.files()
            for row in pq.read_table(file, columns=_DOCUMENT, filters=pc.field("doc_id").isin(wanted)).to_pylist()
        }

    def _requests(
        self, questions: Sequence[Row], listed: Sequence[Sequence[str]], texts: Mapping[str, Row]
    ) -> Iterator[VlmRequest]:
        for row, several in zip(questions, listed, strict=True):
            content = Content(row["question"], vlm_images(row["images"], self.handle))
            for one in several:
                shown = (vlm_document(texts[one], self.handle),)
                yield VlmRequest(row["qa_id"], content, documents=shown, form=form_of(row.get("type") or ""))

    def _row(self, question: Row, document: Row, outcome: Answered[str]) -> Row:
        grade = grade_of(outcome.value, question["answers"], nugget_texts(question))
        span = span_of(outcome.value, document["text"]) if grade else None
        named = {"query_id": question["qa_id"], "doc_id": document["doc_id"]}
        return {**named, "grade": grade, "by": self.handle.info.generator, "span": span}

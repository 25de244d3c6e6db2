"""Stages ``qrels`` and ``qrels.NAME``: the first documents of several retrievers, judged 0 to 2 for each question.

They judge validation and test. The model answers the question with one document at a time, as in ``verify``: an
accepted answer makes grade 2. Questions of a set are searched in its pool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.assembly.inputs import Judgements, WebInputs
from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.executors.protocol import Where
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.qa.relevance import span_of
from nyxqa.builders.question_sets.outputs import PoolParts, SetParts, Sets
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.pool_search import search_entry, search_pool
from nyxqa.builders.rows import JUDGEMENTS
from nyxqa.builders.stages.names import QRELS, qrels_stage
from nyxqa.builders.stages.passages import passage_index
from nyxqa.builders.stages.qrels_sources import Asked, JudgedSource, SetSource, WebSource, pooled
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.builders.vlm.protocol import Answered, Failed, VlmDocument
from nyxqa.retriever.encoders.factory import is_dense, make_encoder
from nyxqa.schemas.recipe import Qrels
from nyxqa.schemas.tables import QRELS as TABLE

VERSION = 2
_SEARCH_VERSION = 1
_KEYS = ("systems", "depth", "most")  # data keys of recipe section ``[qrels]``
_FOUND = pa.schema([("qa_id", pa.string()), ("doc_ids", pa.list_(pa.string()))])
_SET_FOUND = _FOUND.append(pa.field("rows", pa.list_(pa.int64())))
_SET_QUERY = ["name", "query_id", "query", "query_images", "instruction"]

Row = Mapping[str, Any]
Task = tuple[Path, tuple[Path, ...]]


def qrels(
    run: Run, web: WebInputs | None, sets: Sets, handle: VlmHandle, settings: Qrels, splits: Sequence[str]
) -> dict[str, list[Judgements]]:
    """Judgements by split; none unless systems are named and the model can judge.

    :param web: Documents of all splits, which are searched together, and the questions.
    :param sets: Question sets, each searched in its pool; imports are not judged.
    """
    judged = [split for split in splits if split in TABLE.splits]
    if not settings.systems or not judged:
        return {}
    if not handle.info.can_judge:
        run.say(f"qrels: off, because {handle.info.generator} cannot judge documents")
        return {}
    found: dict[str, list[Judgements]] = {split: [] for split in judged}
    if web is not None:
        indexes = {spec: _web_index(run, web, spec) for spec in settings.systems}
        for split in judged:
            found[split].append(_of_web(run, web, handle, settings, split, indexes))
    pools = {pool.name: pool for pool in sets.pools}
    for split in judged:
        for part in sets.of_split(split):
            if part.text is not None:
                found[split].append(_of_set(run, part, pools[part.pool], handle, settings))
    return found


def _of_web(
    run: Run, web: WebInputs, handle: VlmHandle, settings: Qrels, split: str, indexes: Mapping[str, StepOutput]
) -> Judgements:
    questions = web.questions[split]
    found = []
    for spec, index in indexes.items():
        inputs = (questions.fingerprint, index.fingerprint)
        step = Step(
            f"{QRELS}/search", _SEARCH_VERSION, {"depth": settings.depth}, inputs, split, "question", "question"
        )
        search = partial(search_shard, spec, index.folder, web.packs, settings.depth)
        found.append(run.map(step, search, questions.files, _FOUND, "encoder" if is_dense(spec) else "workers"))
    source = WebSource(handle, web.documents)
    return Judgements(_judge(run, QRELS, source, settings, split, questions, found))


def _of_set(run: Run, part: SetParts, pool: PoolParts, handle: VlmHandle, settings: Qrels) -> Judgements:
    if part.packs is not None:
        handle = replace(handle, packs=part.packs)
    name = part.text.name if part.text is not None else ""
    stage, stored = qrels_stage(name), StepOutput(pool.fingerprint, pool.folder)
    found = []
    for spec in settings.systems:
        index = passage_index(run, pool.name, stored, make_encoder(spec), is_dense(spec))
        inputs = (part.triplets.fingerprint, index.fingerprint)
        params = {"depth": settings.depth, "dataset": name}
        step = Step(f"{stage}/search", _SEARCH_VERSION, params, inputs, part.split, "question", "question")
        search = SetSearch(spec, name, index.folder, pool.folder, part.packs, settings.depth)
        where: Where = "encoder" if is_dense(spec) else "workers"
        found.append(run.map(step, search.shard, part.triplets.files, _SET_FOUND, where))
    source = SetSource(handle, pool.name, pool.folder)
    judged = _judge(run, stage, source, settings, part.split, part.triplets, found)
    return Judgements(judged, pool.name, tuple(found))


def _web_index(run: Run, web: WebInputs, spec: str) -> StepOutput:
    params = {"encoder": make_encoder(spec).fingerprint}
    step = Step(f"{QRELS}/index", _SEARCH_VERSION, params, (web.documents.fingerprint,))
    return run.run_once(step, partial(_build, web, spec), resume=is_dense(spec), encoder=is_dense(spec))


def _build(web: WebInputs, spec: str, folder: Path) -> None:
    encoder = make_encoder(spec)
    reader = PackReader(web.packs) if encoder.needs_images else None
    rows = web.documents.rows(["doc_id", "text", "images"])
    encoder.build((search_entry(row["doc_id"], row["text"], row["images"], reader) for row in rows), folder)


def _judge(
    run: Run,
    stage: str,
    source: JudgedSource,
    settings: Qrels,
    split: str,
    questions: StepOutput,
    found: Sequence[StepOutput],
) -> StepOutput:
    """Judge what the systems found (rows of JUDGEMENTS)."""
    names = [make_encoder(spec).fingerprint for spec in settings.systems]
    params = {QRELS: {**section_params(settings, _KEYS), "systems": names}, "vlm": source.handle.params()}
    inputs = (questions.fingerprint, *(one.fingerprint for one in found))
    step = Step(stage, VERSION, params, inputs, split, "question", "row")
    judge = Judge(source, settings.most)
    return run.map(step, judge.shard, partial(_tasks, questions, found), JUDGEMENTS, source.handle.where)


def search_shard(spec: str, folder: Path, packs: Path, depth: int, file: Path) -> ShardOutput:
    """Rows of the first ``depth`` documents of each question of a shard."""
    rows = pq.read_table(file, columns=["qa_id", "question", "images"]).to_pylist()
    encoder = make_encoder(spec)
    reader = PackReader(packs) if encoder.needs_images else None
    index = encoder.open(folder)
    entries = [search_entry(row["qa_id"], row["question"], row["images"], reader) for row in rows]
    hits = index.search(entries, depth).rows.tolist() if entries else []
    found = [
        {"qa_id": row["qa_id"], "doc_ids": [index.ids[one] for one in listed if one >= 0]}
        for row, listed in zip(rows, hits, strict=True)
    ]
    ids = [row["qa_id"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(found, schema=_FOUND), Account(ids, ids))


@dataclass(frozen=True)
class SetSearch:
    """What a worker needs to search the questions of a set with one system.

    :param dataset: Name of the set.
    :param index: Folder of the index.
    :param pool: Folder of the documents.
    :param packs: Folder of the images of the questions; None if they have none.
    """

    spec: str
    dataset: str
    index: Path
    pool: Path
    packs: Path | None
    depth: int

    def shard(self, file: Path) -> ShardOutput:
        """Rows of the first documents of each question; one that was made of the question itself is left out."""
        rows = pq.read_table(file, columns=_SET_QUERY).to_pylist()
        pool = PassagePool(self.pool)
        reader = PackReader(self.packs) if self.packs is not None and make_encoder(self.spec).needs_images else None
        entries = [
            search_entry(row["query_id"], row["query"], row["query_images"], reader, row["instruction"]) for row in rows
        ]
        listed = search_pool(self.spec, self.index, pool, self.dataset, entries, self.depth)
        found = [
            {"qa_id": row["query_id"], "doc_ids": [pool[one].id for one, _ in kept], "rows": [one for one, _ in kept]}
            for row, kept in zip(rows, listed, strict=True)
        ]
        names = [row["name"] for row in rows]
        return ShardOutput(pa.Table.from_pylist(found, schema=_SET_FOUND), Account(names, names))


def _tasks(questions: StepOutput, found: Sequence[StepOutput]) -> Iterator[Task]:
    """A file of questions with what each system found for them."""
    files = [one.files() for one in found]
    for number, file in enumerate(questions.files()):
        yield file, tuple(listed[number] for listed in files)


@dataclass(frozen=True)
class Judge:
    """Judges the documents of a shard of questions.

    :param most: Most documents of a question.
    """

    source: JudgedSource
    most: int

    def shard(self, task: Task) -> ShardOutput:
        """Rows of JUDGEMENTS; a question none of whose documents could be judged is dropped."""
        file, found = task
        questions = self.source.asked(file)
        account = Account([one.item for one in questions], [])
        listed = self._listed(questions, found)
        documents = self.source.documents(questions, listed)
        handle = self.source.handle
        asked = handle.open().answer(
            one.request(handle, documents[doc_id])
            for one, several in zip(questions, listed, strict=True)
            for doc_id in several
        )
        rows: list[Row] = []
        parents: list[str] = []
        for question, several in ACTIVITY.counted(zip(questions, listed, strict=True)):
            outcomes = [(one, next(asked)) for one in several]
            judged = [
                self._row(question, one, documents[one], outcome)
                for one, outcome in outcomes
                if isinstance(outcome, Answered)
            ]
            failed = [(one, outcome) for one, outcome in outcomes if isinstance(outcome, Failed)]
            if not judged:
                account.dropped.append(_dropped(question, several, [outcome for _, outcome in failed]))
                continue
            account.notes += [
                Drop("row", f"{question.id}:{one}", question.id, outcome.reason, outcome.detail)
                for one, outcome in failed
            ]
            rows += judged
            parents += [question.item] * len(judged)
        account.parents = parents
        return ShardOutput(pa.Table.from_pylist(rows, schema=JUDGEMENTS), account)

    def _listed(self, questions: Sequence[Asked], found: Sequence[Path]) -> list[list[str]]:
        """The documents to judge of each question; none where no answer could be right."""
        systems = [pq.read_table(one).to_pylist() for one in found]
        listed = []
        for number, question in enumerate(questions):
            own = [system[number] for system in systems]
            for row in own:
                question.rows.update(zip(row["doc_ids"], row.get("rows", ()), strict=False))
            rankings = [[one for one in row["doc_ids"] if one not in question.unasked] for row in own]
            listed.append(pooled(question.known, rankings, self.most) if question.truth.known else [])
        return listed

    def _row(self, question: Asked, doc_id: str, document: VlmDocument, outcome: Answered[str]) -> Row:
        grade = question.grade(outcome.value)
        span = span_of(outcome.value, document.content.text) if grade else None
        named = {"query_id": question.id, "doc_id": doc_id}
        return {**named, "grade": grade, "by": self.source.handle.info.generator, "span": span}


def _dropped(question: Asked, listed: Sequence[str], failed: Sequence[Failed]) -> Drop:
    parent = listed[0] if listed else ""
    if failed:
        return Drop("question", question.item, parent, failed[0].reason, failed[0].detail)
    reason = "nothing_retrieved" if question.truth.known else "no_answer"
    return Drop("question", question.item, parent, reason, "")

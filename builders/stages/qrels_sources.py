"""The questions of validation and test with the documents they are searched in, as stage ``qrels`` reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.qa.nuggets import nugget_texts
from nyxqa.builders.qa.relevance import grade_of
from nyxqa.builders.qa.scoring import Truth, listed_options
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.pools import PassagesPool
from nyxqa.builders.vlm.handle import VlmHandle, question_documents, vlm_document, vlm_images
from nyxqa.builders.vlm.prompt import form_of
from nyxqa.builders.vlm.protocol import AnswerForm, VlmDocument, VlmRequest
from nyxqa.schemas.content import Content

_DOCUMENT = ["doc_id", "text", "images", "title", "language"]
_SET = ["name", "query_id", "query", "query_images", "answers", "positives", "needs", "documents"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """A question whose documents are judged.

    :param item: Its name in the account of the stage.
    :param id: Its ``query_id``.
    :param images: Locators of its images.
    :param form: The form of its answer.
    :param nuggets: Facts of a long answer.
    :param known: Documents that are known to answer it and are judged too.
    :param unasked: Known documents that answer only together, so that one of them is never judged alone.
    :param rows: Rows of documents in their pool, by id.
    """

    item: str
    id: str
    text: str
    images: Sequence[Row]
    truth: Truth
    known: tuple[str, ...]
    unasked: frozenset[str] = frozenset()
    rows: dict[str, int] = field(default_factory=dict)
    form: AnswerForm = "short"
    nuggets: tuple[str, ...] = ()

    def grade(self, prediction: str) -> int:
        """How relevant a document is with which the model answered so: 0 to 2."""
        if self.truth.choices:
            return 2 if self.truth.score(prediction) else 0
        return grade_of(prediction, self.truth.answers, self.nuggets)

    def request(self, handle: VlmHandle, document: VlmDocument) -> VlmRequest:
        """The question with one document; its options are shown where it has them."""
        question = Content(self.text + listed_options(self.truth.choices), vlm_images(self.images, handle))
        return VlmRequest(self.id, question, documents=(document,), form=self.form)


class JudgedSource(Protocol):
    """Questions and their documents."""

    @property
    def handle(self) -> VlmHandle:
        """The model, with the image packs of the questions."""
        ...

    def asked(self, file: Path) -> list[Asked]:
        """The questions of a file, in its order."""
        ...

    def documents(self, questions: Sequence[Asked], listed: Sequence[Sequence[str]]) -> Mapping[str, VlmDocument]:
        """The listed documents of the questions, by id."""
        ...


@dataclass(frozen=True)
class WebSource:
    """Questions about pages.

    :param pages: Documents of all splits.
    """

    handle: VlmHandle
    pages: StepOutput

    def asked(self, file: Path) -> list[Asked]:
        """As in ``JudgedSource``."""
        return [_of_web(row) for row in pq.read_table(file).to_pylist()]

    def documents(self, questions: Sequence[Asked], listed: Sequence[Sequence[str]]) -> Mapping[str, VlmDocument]:
        """As in ``JudgedSource``."""
        wanted = pa.array(sorted({one for several in listed for one in several}), pa.string())
        return {
            row["doc_id"]: vlm_document(row, self.handle)
            for file in self.pages.files()
            for row in pq.read_table(file, columns=_DOCUMENT, filters=pc.field("doc_id").isin(wanted)).to_pylist()
        }


@dataclass(frozen=True)
class SetSource:
    """Questions of a ``[[text]]`` or ``[[qa]]`` set.

    :param pool: Name of its pool.
    :param folder: Folder of the pool.
    """

    handle: VlmHandle
    pool: str
    folder: Path

    def asked(self, file: Path) -> list[Asked]:
        """As in ``JudgedSource``; options count where a question has them."""
        there = set(pq.read_schema(file).names)
        columns = [*_SET, *(name for name in ("choices", "label") if name in there)]
        return [_of_set(row) for row in pq.read_table(file, columns=columns).to_pylist()]

    def documents(self, questions: Sequence[Asked], listed: Sequence[Sequence[str]]) -> Mapping[str, VlmDocument]:
        """As in ``JudgedSource``."""
        pool = PassagesPool(self.pool, PassagePool(self.folder))
        rows = {one: asked.rows[one] for asked, own in zip(questions, listed, strict=True) for one in own}
        return {one: pool.source(row) for one, row in rows.items()}


def _of_web(row: Row) -> Asked:
    known = tuple(one["doc_id"] for one in question_documents(row))
    together = len(known) > 1
    return Asked(
        row["qa_id"],
        row["qa_id"],
        row["question"],
        row["images"],
        Truth(tuple(row["answers"])),
        () if together else known,
        frozenset(known if together else ()),
        form=form_of(row.get("type") or ""),
        nuggets=tuple(nugget_texts(row)),
    )


def _of_set(row: Row) -> Asked:
    choices, label = tuple(row.get("choices") or ()), row.get("label", -1)
    truth = Truth((), choices, label) if choices and label >= 0 else Truth(tuple(row["answers"]))
    known = tuple(one["doc_id"] for one in row["positives"])
    together = row["needs"] == "all"
    return Asked(
        row["name"],
        row["query_id"],
        row["query"],
        row["query_images"],
        truth,
        () if together else known,
        frozenset(known if together else ()),
        {one["doc_id"]: one["row"] for one in row["documents"]},
    )


def pooled(known: Collection[str], rankings: Sequence[Sequence[str]], most: int) -> list[str]:
    """The documents to judge, best first: the known ones, then by the sum of 1 / (60 + rank) over the systems."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, one in enumerate(ranking, 1):
            scores[one] = scores.get(one, 0.0) + 1 / (_FUSION + rank)
    others = sorted(scores.keys() - set(known), key=lambda one: (-scores[one], one))
    return [*known, *others][:most]


# Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009) adds 1 / (60 + rank).
_FUSION = 60

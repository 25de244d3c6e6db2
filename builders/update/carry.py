"""Which published questions stay, with which documents, and why the others retire."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nyxqa.builders.engine.accounting import Counts, Drop
from nyxqa.builders.engine.database import arrow_rows, database
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.shard import DropWriter, write_table
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.qa.answer_match import CommonWords, answer_rule, fold_answer, fold_document
from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.qa.nuggets import located_nuggets, nugget_texts
from nyxqa.builders.rows import KIND_QUESTIONS
from nyxqa.builders.update.parent import STALE, UpdateInputs, questions_file
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.sql import file_list, string_literal

if TYPE_CHECKING:
    import duckdb

PAGE_GONE, DOCUMENT_GONE = "page_gone", "document_gone"

# A published question. ``asked_of`` is the document of which it was asked first, ``stale`` whether its present document
# is another one than in the published version, ``mine`` whether its negatives must be mined again.
CARRIED = pa.schema([*KIND_QUESTIONS, ("asked_of", pa.string()), ("stale", pa.bool_()), ("mine", pa.bool_())])

_SHARD = 256  # questions
_BATCH = 256
_DOCUMENT = tuple(field.name for field in KIND_QUESTIONS.field("document").type)

_TABLES = """
CREATE VIEW document AS SELECT {columns} FROM read_parquet({documents}) WHERE split = {split};
CREATE VIEW question AS SELECT * FROM read_parquet({questions});
CREATE TABLE chunk AS SELECT doc_id, page_id, place FROM read_parquet({chunks});
CREATE TABLE loss (item_id VARCHAR, stage VARCHAR, reason VARCHAR, detail VARCHAR)
"""
_LOSSES = (
    "INSERT INTO loss SELECT item_id, stage, reason, detail FROM read_parquet({files}) WHERE item_type = 'document'"
)
# A negative or a positive that was removed, or came to the positive's page or cluster.
_CHANGED = """
CREATE TABLE changed AS SELECT DISTINCT qa_id FROM (
    SELECT qa_id, doc_id, unnest(list_concat(negative_ids, list_transform(positives, lambda one: one.doc_id))) AS id,
           len(negative_ids) AS negatives, negative_ids
    FROM question) q
LEFT JOIN document own ON own.doc_id = q.doc_id LEFT JOIN document other ON other.doc_id = q.id
WHERE other.doc_id IS NULL OR (list_contains(q.negative_ids, q.id) AND ({shared}))
"""
_SHARED = {"page": "other.page_id = own.page_id", "cluster": "other.cluster = own.cluster"}
_FATE = """
SELECT q.* EXCLUDE (page_id, kind), q.page_id AS page_id, d AS document, s AS second, changed.qa_id IS NOT NULL AS mine,
       q.page_id IN (SELECT page_id FROM chunk) AS page_stays, here.doc_id IS NOT NULL AS content_stays,
       lost.stage, lost.reason, lost.detail
FROM question q LEFT JOIN document d ON d.doc_id = q.doc_id LEFT JOIN document s ON s.doc_id = q.second_id
LEFT JOIN changed ON changed.qa_id = q.qa_id
LEFT JOIN (SELECT DISTINCT doc_id FROM chunk) here ON here.doc_id = q.doc_id
LEFT JOIN (SELECT doc_id, any_value(stage) AS stage, any_value(reason) AS reason, any_value(loss.detail) AS detail
           FROM (SELECT DISTINCT doc_id, doc_id AS item FROM chunk UNION SELECT doc_id, place FROM chunk) name
           JOIN loss ON loss.item_id = name.item AND loss.reason <> 'same_content' GROUP BY doc_id) lost
       ON lost.doc_id = q.doc_id
ORDER BY q.qa_id
"""
# The documents of the page of a question now, for questions whose own document is not among its contents.
_SUCCESSORS = """
SELECT q.qa_id, d AS document FROM question q JOIN document d ON d.page_id = q.page_id
WHERE q.doc_id NOT IN (SELECT doc_id FROM chunk) ORDER BY q.qa_id, d.doc_id
"""
_NEGATIVES = """
SELECT q.qa_id, {'text': n.text, 'captions': list_transform(n.images, lambda one: one.caption)} AS document
FROM (SELECT qa_id, unnest(negative_ids) AS id FROM question) q JOIN document n ON n.doc_id = q.id ORDER BY q.qa_id
"""


@dataclass(frozen=True)
class Remains:
    """What is left of the pages, for the questions of one split.

    :param documents: Rows of SPLIT_DOCUMENTS, of all splits.
    :param chunks: Rows of CHUNKS: the contents of all pages before any is dropped as a copy.
    :param dropping: Outputs of the stages between the two, whose ledgers say why documents were dropped.
    :param exclude: Rules of ``negatives.exclude``.
    :param words: The common words of all documents, for rule ``answer``.
    """

    documents: StepOutput
    chunks: StepOutput
    dropping: tuple[StepOutput, ...]
    exclude: tuple[str, ...]
    words: StepOutput | None = None


def write_carried(
    remains: Remains, update: UpdateInputs, read_words: Callable[[Path], CommonWords], step: Step, folder: Path
) -> Counts:
    """Write the published questions that stay, of CARRIED; those that retire go to the ledger.

    A question stays with its document. Where the page has other contents now, it is stale, and goes with the document
    of the page that speaks most of it, to be verified again.

    :param read_words: Reads the common words of ``remains``.
    """
    drops, shard, read, kept = DropWriter(step, folder), 0, 0, 0
    waiting: list[dict[str, Any]] = []
    with database(folder) as db:
        _load(db, remains, update, step.split)
        successors = _OfQuestions(arrow_rows(db, _SUCCESSORS, _BATCH))
        negatives = _OfQuestions(arrow_rows(db, _NEGATIVES, _BATCH))
        common = None if remains.words is None else read_words(remains.words.folder)
        for question in arrow_rows(db, _FATE, _BATCH):
            read += 1
            found = negatives.of(question["qa_id"])
            question["mine"] |= common is not None and _holds_answer(question, found, common)
            carried = _carried(question, successors.of(question["qa_id"]), update)
            if isinstance(carried, Drop):
                drops.add(carried)
                continue
            kept += 1
            waiting.append(carried)
            if len(waiting) == _SHARD:
                write_table(part_file(folder, shard), pa.Table.from_pylist(waiting, CARRIED))
                shard, waiting = shard + 1, []
    drops.flush()
    if waiting or not shard:
        write_table(part_file(folder, shard), pa.Table.from_pylist(waiting, CARRIED))
    return Counts(read, kept, read - kept, 0, kept)


def _load(db: duckdb.DuckDBPyConnection, remains: Remains, update: UpdateInputs, split: str) -> None:
    tables = {
        "documents": file_list(remains.documents.files()),
        "questions": file_list([questions_file(update.tables, split)]),
        "chunks": file_list(remains.chunks.files()),
    }
    db.execute(_TABLES.format(columns=", ".join(_DOCUMENT), split=string_literal(split), **tables))
    if ledgers := [file for output in remains.dropping for file in output.ledgers()]:
        db.execute(_LOSSES.format(files=file_list(ledgers)))
    shared = [_SHARED[rule] for rule in remains.exclude if rule in _SHARED]
    db.execute(_CHANGED.format(shared=" OR ".join(shared) or "false"))


def _holds_answer(question: Mapping[str, Any], documents: Sequence[Mapping[str, Any]], common: CommonWords) -> bool:
    """Whether a negative holds the answer, by what words are common now."""
    rule = answer_rule(question["question"], question["answers"], common)
    return any(rule.held_in(fold_document(one["text"], one["captions"])) for one in documents)


class _OfQuestions:
    """Documents that belong to questions, read along with the questions, in the order of their ids."""

    def __init__(self, rows: Iterator[dict[str, Any]]) -> None:
        self._groups = groupby(rows, key=lambda row: row["qa_id"])
        self._next = next(self._groups, None)

    def of(self, qa_id: str) -> list[dict[str, Any]]:
        """Those of the question; questions must be asked for in order."""
        if self._next is None or self._next[0] != qa_id:
            return []
        found = [row["document"] for row in self._next[1]]
        self._next = next(self._groups, None)
        return found


def _carried(
    question: Mapping[str, Any], successors: Sequence[dict[str, Any]], update: UpdateInputs
) -> dict[str, Any] | Drop:
    """A row of CARRIED, or why the question retires."""
    document, second, stale = _present(question["document"]), _present(question["second"]), False
    if not question["answerable"]:
        return Drop("question", question["qa_id"], "", STALE, "pages changed, and no document answered it before")
    if question["second_id"] and second is None:
        return Drop("question", question["qa_id"], question["doc_id"], STALE, "its second document changed or is gone")
    if document is None:
        reason, detail = _retired(question)
        if reason == STALE and update.settings.stale == "verify" and second is None:
            document, stale = best_successor(question, successors), True
            detail = "no document of the page has its images and speaks of it"
        if not stale or document is None:
            return Drop("question", question["qa_id"], question["doc_id"], reason, detail)
    images = {image["image_id"]: image for image in document["images"]}
    if any(image not in images for image in question["image_ids"]):
        return Drop("question", question["qa_id"], question["doc_id"], STALE, "its document lacks its images")
    own = {
        "draft": question["qa_id"],
        "key": question_key(question["question"], question["image_ids"]),
        "order_key": 0,  # published questions fill a quota first
        "images": [images[image] for image in question["image_ids"]],
        "document": document,
        "second": second,
        "nuggets": located_nuggets(nugget_texts(question), [document]) if stale else question["nuggets"],
        "stale": stale,
        "mine": stale or question["mine"],
    }
    row = {**question, **own}
    return {name: row[name] for name in CARRIED.names}


def _present(document: dict[str, Any] | None) -> dict[str, Any] | None:
    """A document as an outer join gives it; None where there is none."""
    return None if document is None or document["doc_id"] is None else document


def _retired(question: Mapping[str, Any]) -> tuple[str, str]:
    """Why a question whose document is not in its split any more retires, in the order of what is certain."""
    if not question["page_stays"] and not question["content_stays"]:
        return PAGE_GONE, f"page {question['page_id']} is not in the source any more"
    if question["content_stays"]:
        if question["reason"] is None:
            return DOCUMENT_GONE, "its document stands in another split now"
        return question["reason"], f"its document was dropped in stage {question['stage']}: {question['detail']}"
    return STALE, "its document changed"


def best_successor(question: Mapping[str, Any], documents: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Of the documents that have the question's images the one with most words of question and answer, if any."""
    asked = " ".join([plain_text(question["question"]), *question["answers"]])
    wanted = set(fold_answer(asked).split())
    best: tuple[int, dict[str, Any]] | None = None
    for document in documents:
        if not set(question["image_ids"]) <= {image["image_id"] for image in document["images"]}:
            continue
        captions = [image["caption"] for image in document["images"]]
        found = len(wanted & set(fold_document(document["text"], captions).split()))
        if found and (best is None or found > best[0]):
            best = (found, document)
    return None if best is None else best[1]

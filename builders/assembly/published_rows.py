"""Rows of the published tables made from working rows, with image bytes read from the packs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nyxqa.builders.assembly.inputs import Packs
from nyxqa.builders.engine.database import arrow_rows
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.images.packs import PackReader
from nyxqa.schemas.ids import page_id_of_passage, row_hash
from nyxqa.schemas.loading.earlier_format import added_columns
from nyxqa.schemas.sql import file_list
from nyxqa.schemas.tables import DATASET, QA, TRIPLETS, WEB

if TYPE_CHECKING:
    import duckdb

_BATCH = 256
_LATER_TRIPLETS = {column.name: column.default for column in added_columns(TRIPLETS)}
_QUESTIONS = "SELECT * FROM question WHERE split = '{split}' AND reason IS NULL{chosen} ORDER BY qa_id"
_JUDGED = """
SELECT judged.*, 1 AS rank FROM read_parquet({files}) judged SEMI JOIN ({asked}) USING (query_id)
"""
_PUBLISHED_QUESTIONS = "SELECT qa_id AS query_id FROM question WHERE reason IS NULL"
_PUBLISHED_ENTRIES = "SELECT query_id FROM entry WHERE split = '{split}' AND reason IS NULL"
_ONCE = """
SELECT * EXCLUDE (rank) FROM ({union}) QUALIFY row_number() OVER (PARTITION BY query_id, doc_id ORDER BY rank) = 1
ORDER BY query_id, doc_id
"""
# What a set judges by grades; where it has but one grade, its documents are positives and nothing more.
_GRADED = """
SELECT query_id, one.doc_id AS doc_id, least(one.grade, 2)::INTEGER AS "grade", 'gold' AS "by",
       NULL::STRUCT("start" INTEGER, "end" INTEGER) AS span, 0 AS rank
FROM (SELECT query_id, dataset, unnest(grades) AS one FROM entry
      WHERE split = '{split}' AND reason IS NULL AND positive_id <> '')
WHERE dataset IN (SELECT dataset FROM (SELECT dataset, unnest(grades).grade AS g FROM entry WHERE split = '{split}')
                  GROUP BY dataset HAVING max(g) > 1)
"""
_CHOSEN_QUESTIONS = " AND qa_id IN (SELECT query_id FROM chosen)"
_ENTRIES = """
SELECT * EXCLUDE (reason, detail, place, name, key, documents, grades) FROM entry
WHERE split = '{split}' AND reason IS NULL AND dataset {side} '{dataset}' AND {what}{chosen}
ORDER BY dataset, query_id
"""
_TRIPLETS, _ANSWERED = "positive_id <> ''", "answered"
# What a question of a set has no part in.
_NO_PROMPTS = dict.fromkeys((field.name for field in QA.schema.field("prompts").type), "")
_LATER_QA = {column.name: column.default for column in added_columns(QA)}
_CHOSEN_ENTRIES = " AND query_id IN (SELECT query_id FROM chosen)"


def image_structs(images: Sequence[Mapping[str, Any]], reader: PackReader) -> list[dict[str, Any]]:
    """Images in the form of the ``Image`` feature of ``datasets``."""
    return [{"bytes": reader.read(image), "path": None} for image in images]


def question_rows(
    db: duckdb.DuckDBPyConnection, split: str, packs: Packs, chosen: bool = False
) -> Iterator[dict[str, Any]]:
    """Published questions of the web builder of one split, by id; one batch is in memory at a time.

    :param chosen: Return only those in table ``chosen``.
    """
    query = _QUESTIONS.format(split=split, chosen=_CHOSEN_QUESTIONS if chosen else "")
    for row in arrow_rows(db, query, _BATCH):
        yield {**row, "images": image_structs(row["images"], packs.web())}


def qa_rows(db: duckdb.DuckDBPyConnection, split: str, packs: Packs) -> Iterator[dict[str, Any]]:
    """Published questions of one split by (dataset, qa_id): the web builder's between those of the sets."""
    for row in _entry_rows(db, split, packs, "<", False, _ANSWERED):
        yield _set_qa_row(row)
    if packs.web_folder is not None:
        yield from map(qa_row, question_rows(db, split, packs))
    for row in _entry_rows(db, split, packs, ">", False, _ANSWERED):
        yield _set_qa_row(row)


def _set_qa_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A question of a set as a row of table ``qa``."""
    doc_id = row["positive_id"]
    own = {
        "qa_id": row["query_id"],
        "question": row["query"],
        "images": row["query_images"],
        "image_ids": row["query_image_ids"],
        "answer": row["answers"][0],
        "doc_id": doc_id,
        "page_id": row["page_id"] or (page_id_of_passage(row["pool"], doc_id) if doc_id else ""),
        "source": row["origin"] or (row["pool"] if doc_id else ""),
        "generator": "",
        "prompts": _NO_PROMPTS,
        "evidence": None,
    }
    whole = {**_LATER_QA, **row, **own}
    return {name: whole[name] for name in QA.schema.names}


def qa_row(question: Mapping[str, Any]) -> dict[str, Any]:
    """One question as a row of table ``qa``."""
    return {name: question[name] for name in QA.schema.names}


def triplet_rows(
    db: duckdb.DuckDBPyConnection, split: str, packs: Packs, chosen: bool = False, instruction: str = ""
) -> Iterator[dict[str, Any]]:
    """Published triplets of one split by (dataset, query_id): the web builder's between those of the sets.

    :param chosen: Return only those in table ``chosen``.
    :param instruction: Instruction of the web builder's queries.
    """
    yield from map(_reviewable, _entry_rows(db, split, packs, "<", chosen, _TRIPLETS))
    if packs.web_folder is not None:
        for question in question_rows(db, split, packs, chosen):
            if question["answerable"]:
                yield triplet_row(question, instruction)
    yield from map(_reviewable, _entry_rows(db, split, packs, ">", chosen, _TRIPLETS))


def _entry_rows(
    db: duckdb.DuckDBPyConnection, split: str, packs: Packs, side: str, chosen: bool, what: str
) -> Iterator[dict[str, Any]]:
    """Rows of sets before (``<``) or behind (``>``) the web builder's, with their images.

    :param what: Condition: those with a document known to answer, or those that stand in ``qa``.
    """
    limit = _CHOSEN_ENTRIES if chosen else ""
    query = _ENTRIES.format(split=split, side=side, dataset=DATASET, what=what, chosen=limit)
    for row in arrow_rows(db, query, _BATCH):
        images = row["query_images"]
        own = {
            "query_images": image_structs(images, packs.of_set(row["source"])) if images else [],
            "query_image_ids": [image["image_id"] for image in images],
        }
        yield {**row, **own}


def _reviewable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A triplet with the hash by which verdicts name it, which is older than what verdicts changed."""
    hashed = row.get("row_hash") or row_hash(row["query_id"], row["positive_id"], row["negative_ids"])
    whole = {**_LATER_TRIPLETS, **row, "row_hash": hashed}
    return {name: whole[name] for name in TRIPLETS.schema.names}


def triplet_row(question: Mapping[str, Any], instruction: str = "") -> dict[str, Any]:
    """One question of the web builder as a row of table ``triplets``."""
    own = {
        "query_id": question["qa_id"],
        "dataset": DATASET,
        "pool": WEB,
        "instruction": instruction,
        "query": question["question"],
        "query_images": question["images"],
        "query_image_ids": question["image_ids"],
        "positive_id": question["doc_id"],
    }
    return _reviewable({**question, **own})


def qrels_rows(db: duckdb.DuckDBPyConnection, split: str, judged: Sequence[StepOutput]) -> Iterator[dict[str, Any]]:
    """Judgements of the published questions of one split by (query_id, doc_id), and those that sets bring.

    What a set says of a document has precedence over what the model says.

    :param judged: Rows of JUDGEMENTS.
    """
    queries = [_GRADED.format(split=split)]
    if files := [file for one in judged for file in one.files()]:
        asked = [_PUBLISHED_ENTRIES.format(split=split)]
        if db.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'question'").fetchone():
            asked.append(_PUBLISHED_QUESTIONS)
        queries.append(_JUDGED.format(files=file_list(files), asked=" UNION ALL ".join(asked)))
    union = " UNION ALL BY NAME ".join(queries)
    yield from arrow_rows(db, _ONCE.format(union=union), _BATCH)

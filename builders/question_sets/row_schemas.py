"""Schemas of the rows that the stages of question sets and imports exchange."""

from __future__ import annotations

import pyarrow as pa

from nyxqa.builders.rows import LOCATOR, SET_LOCATOR
from nyxqa.schemas.tables import TRIPLETS

_S, _I32, _I64 = pa.string(), pa.int32(), pa.int64()

# A question of a set. ``name`` is the ledger name of its source row; equal ``key`` means an equal question.
SET_QUESTIONS = pa.schema(
    [
        ("name", _S),
        ("query_id", _S),
        ("key", _S),
        ("text", _S),
        ("answers", pa.list_(_S)),
        ("gold", pa.list_(pa.struct([("title", _S), ("text", _S), ("passage_id", _S)]))),
    ]
)

# Rows of the pool that are annotated as evidence, aligned with the files and rows of the questions.
GOLD = pa.schema([("name", _S), ("rows", pa.list_(_I64))])

# A document of a triplet: a row of its pool, or (of an import) the content itself.
SET_DOCUMENT = pa.struct([("doc_id", _S), ("row", _I64), ("text", _S), ("images", pa.list_(SET_LOCATOR))])

# Counted by the reports: whether the positive contains an answer; passages excluded as negatives, by rule; repairs by
# column; reasons for which negatives were dropped.
_REPORTED = [
    ("holds", pa.bool_()),
    ("excluded", pa.list_(pa.struct([("rule", _S), ("count", _I32)]))),
    ("repairs", pa.list_(pa.struct([("column", _S), ("repair", _S)]))),
    ("lost", pa.list_(_S)),
]

# A triplet of a set. ``documents`` are all documents that it refers to, without repeats, positives first.
SET_TRIPLETS = pa.schema(
    [
        ("name", _S),
        ("key", _S),
        *[field for field in TRIPLETS.schema if field.name not in ("query_images", "query_image_ids")],
        ("query_images", pa.list_(SET_LOCATOR)),
        ("documents", pa.list_(SET_DOCUMENT)),
        *_REPORTED,
    ]
)

_REPAIRS = pa.list_(pa.struct([("column", _S), ("repair", _S)]))

# A document of a corpus of a ``[[qa]]`` set. ``origin`` is the number of its source among those of the pool.
POOL_DOCUMENTS = pa.schema(
    [
        ("name", _S),
        ("origin", _I32),
        ("external_id", _S),
        ("title", _S),
        ("text", _S),
        ("images", pa.list_(LOCATOR)),
        ("url", _S),
        ("license", _S),
        ("language", _S),
        ("source", _S),
        ("repairs", _REPAIRS),
    ]
)

# A question of a ``[[qa]]`` set. ``relevant`` names documents by their id, or by the key of their content.
QA_QUESTIONS = pa.schema(
    [
        ("name", _S),
        ("query_id", _S),
        ("key", _S),
        ("text", _S),
        ("images", pa.list_(SET_LOCATOR)),
        ("answers", pa.list_(_S)),
        ("answer_long", _S),
        ("choices", pa.list_(_S)),
        ("label", _I32),
        ("type", _S),
        ("needs", _S),
        ("instruction", _S),
        ("relevant", pa.list_(pa.struct([("id", _S), ("key", _S), ("grade", _I32)]))),
        ("repairs", _REPAIRS),
    ]
)

# Rows of the pool that are known to answer a question, with their grades, and the names of those it does not have.
RELEVANT_ROWS = pa.schema(
    [("name", _S), ("rows", pa.list_(_I64)), ("grades", pa.list_(_I32)), ("missing", pa.list_(_S))]
)

# What was retrieved for each question, best first.
HITS = pa.schema([("name", _S), ("rows", pa.list_(_I64)), ("scores", pa.list_(pa.float64()))])

# What stands in table ``qa`` about a question of a set, beside its triplet.
SET_ANSWERED = [
    ("answer_long", _S),
    ("choices", pa.list_(_S)),
    ("label", _I32),
    ("type", _S),
    ("page_id", _S),
    ("source", _S),
    ("grades", pa.list_(pa.struct([("doc_id", _S), ("grade", _I32)]))),
]
# A question of a ``[[qa]]`` set: without positives it is no triplet, without answers it does not stand in ``qa``.
QA_ROWS = pa.schema([*SET_TRIPLETS, *SET_ANSWERED])

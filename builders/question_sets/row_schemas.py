"""Schemas of the rows that the stages of question sets and imports exchange."""

from __future__ import annotations

import pyarrow as pa

from nyxqa.builders.rows import SET_LOCATOR
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

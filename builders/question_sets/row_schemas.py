"""Rows that travel between the stages of question sets and imports."""

from __future__ import annotations

import pyarrow as pa

from nyxqa.builders.rows import LOCATOR
from nyxqa.schemas.tables import TRIPLETS

_S, _I32, _I64 = pa.string(), pa.int32(), pa.int64()

# A question of a set. ``name`` is its source row, ``key`` equal for questions that ask the same.
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

# Rows of the pool that questions name as evidence; one file for each file of questions, row by row.
GOLD = pa.schema([("name", _S), ("rows", pa.list_(_I64))])

# A document of a triplet: a row of its pool's passages, or (an import) the content itself.
SET_DOCUMENT = pa.struct([("doc_id", _S), ("row", _I64), ("text", _S), ("images", pa.list_(LOCATOR))])

# What the reports count: whether the positive holds an answer; passages that became no negatives, by rule; repairs
# by column; reasons for which negatives were lost.
_REPORTED = [
    ("holds", pa.bool_()),
    ("excluded", pa.list_(pa.struct([("rule", _S), ("count", _I32)]))),
    ("repairs", pa.list_(pa.struct([("column", _S), ("repair", _S)]))),
    ("lost", pa.list_(_S)),
]

# A triplet of a set. ``documents`` are all that it names, each once, the positives first.
SET_TRIPLETS = pa.schema(
    [
        ("name", _S),
        ("key", _S),
        *[field for field in TRIPLETS.schema if field.name not in ("query_images", "query_image_ids")],
        ("query_images", pa.list_(LOCATOR)),
        ("documents", pa.list_(SET_DOCUMENT)),
        *_REPORTED,
    ]
)

"""What people decided about rows, applied to the rows that are about to be published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nyxqa.builders.assembly.inputs import ReviewOutput
from nyxqa.builders.question_sets.outputs import Sets
from nyxqa.schemas.sql import file_list, string_list, string_literal

if TYPE_CHECKING:
    import duckdb

_POSITIVES = "STRUCT(doc_id VARCHAR, rank INTEGER, score FLOAT, origin VARCHAR)[]"
_CREATE = f"""
CREATE TABLE reviewed (split VARCHAR, source INTEGER, place BIGINT, query_id VARCHAR, positives {_POSITIVES},
    negative_ids VARCHAR[], negative_ranks INTEGER[], negative_scores FLOAT[], reviews INTEGER, row_hash VARCHAR)
"""
_FILL = """
INSERT INTO reviewed
SELECT {split}, source, CASE WHEN source < 0 THEN place ELSE ((source + {first})::BIGINT << 48) + place END, query_id,
       positives, negative_ids, negative_ranks, negative_scores, reviews, row_hash
FROM read_parquet({files})
"""
# Rows that people rejected: of a split with verdicts, those that stage ``review`` did not pass on.
_REJECTED = {
    "question": "split IN {splits} AND qa_id NOT IN (SELECT query_id FROM reviewed WHERE source < 0)",
    "entry": "split IN {splits} AND place NOT IN (SELECT place FROM reviewed WHERE source >= 0)",
}
_CHANGE = """
UPDATE {table} SET positives = reviewed.positives, negative_ids = reviewed.negative_ids,
    negative_ranks = reviewed.negative_ranks, negative_scores = reviewed.negative_scores,
    reviews = reviewed.reviews, row_hash = reviewed.row_hash
FROM reviewed WHERE {same}
"""
_SAME = {
    "question": "reviewed.source < 0 AND reviewed.split = question.split AND reviewed.query_id = question.qa_id",
    "entry": "reviewed.source >= 0 AND reviewed.place = entry.place",
}
# An entry keeps the documents that it still names.
_DOCUMENTS = """
UPDATE entry SET documents = list_filter(documents, lambda one: list_contains(negative_ids, one.doc_id)
    OR list_contains(list_transform(positives, lambda known: known.doc_id), one.doc_id))
WHERE split IN {splits}
"""


def load_reviews(db: duckdb.DuckDBPyConnection, reviews: Mapping[str, ReviewOutput], sets: Sets) -> None:
    """Create table ``reviewed`` with the rows that stage ``review`` passed on, of the splits that have verdicts."""
    db.execute(_CREATE)
    for split, output in reviews.items():
        own = sets.of_split(split)
        first = sets.triplets.index(own[0]) if own else 0
        db.execute(_FILL.format(split=string_literal(split), first=first, files=file_list(output.rows.files())))


def rejected(table: str, reviews: Mapping[str, ReviewOutput]) -> str:
    """The SQL condition by which a row of ``table`` was rejected by people."""
    return f"({_REJECTED[table].format(splits=string_list(reviews))})" if reviews else "false"


def apply_reviews(db: duckdb.DuckDBPyConnection, table: str, reviews: Mapping[str, ReviewOutput]) -> None:
    """Remove rejected rows from ``table`` and give the others their positives, negatives and number of verdicts.

    Rows are compared across splits and sets before: a rejected row leaves every other split as it was.
    """
    for column in ("reviews INTEGER DEFAULT 0", "row_hash VARCHAR"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")
    if not reviews:
        return
    db.execute(f"DELETE FROM {table} WHERE {rejected(table, reviews)}")  # noqa: S608 - a condition of this module
    db.execute(_CHANGE.format(table=table, same=_SAME[table]))
    if table == "entry":
        db.execute(_DOCUMENTS.format(splits=string_list(reviews)))

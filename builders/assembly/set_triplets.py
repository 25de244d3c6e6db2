"""Triplets of question sets and imports, loaded into one database table without repeated ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.question_sets.outputs import SetParts
from nyxqa.builders.rows import SET_LOCATOR
from nyxqa.schemas.recipe import TextSet
from nyxqa.schemas.sql import file_list

if TYPE_CHECKING:
    import duckdb

# ``reason`` stays null for what is published. ``place`` orders all rows: by set, part file, row.
_LOAD = """
CREATE TABLE entry (split VARCHAR, reason VARCHAR, detail VARCHAR, place BIGINT, source INTEGER, name VARCHAR,
    key VARCHAR, query_id VARCHAR, dataset VARCHAR, pool VARCHAR, instruction VARCHAR, query VARCHAR,
    query_images {locator}[], answers VARCHAR[], positive_id VARCHAR,
    positives STRUCT(doc_id VARCHAR, rank INTEGER, score FLOAT, origin VARCHAR)[], negative_ids VARCHAR[],
    negative_ranks INTEGER[], negative_scores FLOAT[], miner VARCHAR, kind VARCHAR,
    needs VARCHAR, answer_long VARCHAR, choices VARCHAR[], label INTEGER, "type" VARCHAR, page_id VARCHAR,
    origin VARCHAR, grades STRUCT(doc_id VARCHAR, grade INTEGER)[], answered BOOLEAN,
    documents STRUCT(doc_id VARCHAR, "row" BIGINT, "text" VARCHAR, images {locator}[])[])
"""
_SQL_TYPES = {pa.string(): "VARCHAR", pa.int32(): "INTEGER", pa.int64(): "BIGINT"}
_LOCATOR_FIELDS = [f'"{field.name}" {_SQL_TYPES[field.type]}' for field in SET_LOCATOR]
_LOCATOR_TYPE = f"STRUCT({', '.join(_LOCATOR_FIELDS)})"
_FILL = """
INSERT INTO entry
SELECT '{split}', NULL, '',
       ({source}::BIGINT << 48) + (regexp_extract(filename, 'part-(\\d+)\\.parquet$', 1)::BIGINT << 24)
           + file_row_number,
       {source}, name, key, query_id, dataset, pool, instruction, query, query_images, answers, positive_id, positives,
       negative_ids, negative_ranks, negative_scores, miner, kind, {own}, {answered}, documents
FROM read_parquet({files}, filename = true, file_row_number = true)
"""
# Columns that not every set writes, in the order of the table, with what stands in their place.
_OWN = {
    "needs": "'any'",
    "answer_long": "coalesce(answers[1], '')",
    "choices": "[]::VARCHAR[]",
    "label": "-1",
    '"type"': "''",
    "page_id": "''",
    "source": "''",
    "grades": "[]::STRUCT(doc_id VARCHAR, grade INTEGER)[]",
}
_REPEATED = """
UPDATE entry SET reason = 'same_id', detail = 'the id of ' || twin.first
FROM (SELECT place, first_value(name) OVER same AS first, row_number() OVER same AS number
      FROM entry WINDOW same AS (PARTITION BY dataset, query_id ORDER BY place)) twin
WHERE entry.place = twin.place AND twin.number > 1
"""
_OVERLAPS = """
SELECT dataset, a.split || ' and ' || b.split, count(DISTINCT key)
FROM (SELECT DISTINCT dataset, split, key FROM entry WHERE reason IS NULL) a
JOIN (SELECT DISTINCT dataset, split, key FROM entry WHERE reason IS NULL) b USING (dataset, key)
WHERE (a.split, b.split) IN (('train', 'validation'), ('train', 'test'), ('validation', 'test'))
GROUP BY ALL ORDER BY ALL
"""


def load_entries(db: duckdb.DuckDBPyConnection, sets: Sequence[SetParts]) -> None:
    """Create table ``entry`` and give a reason to each row whose id an earlier row of its dataset has.

    :param sets: In the order of their splits, so that the row of the earliest split is retained.
    """
    db.execute(_LOAD.format(locator=_LOCATOR_TYPE))
    for number, part in enumerate(sets):
        if files := part.triplets.files():
            known = set(pq.read_schema(files[0]).names)
            own = ", ".join(
                f"coalesce({name}, {value})" if name.strip('"') in known else value for name, value in _OWN.items()
            )
            # Text sets do not stand in ``qa``; other sets do where they have an answer.
            answered = "len(answers) > 0" if not isinstance(part.text, TextSet) else "false"
            query = _FILL.format(split=part.split, source=number, files=file_list(files), own=own, answered=answered)
            db.execute(query)
    db.execute(_REPEATED)


def overlaps(db: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Number of questions that two published splits share, by dataset and pair of splits."""
    found: dict[str, dict[str, int]] = {}
    for dataset, pair, count in db.execute(_OVERLAPS).fetchall():
        found.setdefault(dataset, {})[pair] = count
    return found

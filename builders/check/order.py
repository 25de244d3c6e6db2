"""Checks of the order of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nyxqa.builders.check.dataset import Examined
from nyxqa.builders.check.sql import tell
from nyxqa.builders.stages.names import with_sets
from nyxqa.schemas.sql import file_list, string_list
from nyxqa.schemas.tables import TABLES

if TYPE_CHECKING:
    import duckdb

ORDER_CHECKS = ("row_order", "corpus_order", "ledger_order")
_SORTED = ("qa", "triplets", "mixture", "feedback", "preview")

# Which page comes first is known to the source alone; that its documents stand together is seen here.
_CORPUS = """
    WITH numbered AS (SELECT list_position({files}, filename) AS file, file_row_number AS row, page_id, chunk, doc_id
                      FROM read_parquet({readable}, filename = true, file_row_number = true)),
         followed AS (SELECT *, lag(page_id) OVER place AS page_before, lag(chunk) OVER place AS chunk_before
                      FROM numbered WINDOW place AS (ORDER BY file, row)),
         start AS (SELECT page_id FROM followed WHERE page_before IS DISTINCT FROM page_id)
    SELECT 'corpus {pool}: the documents of page ' || page_id || ' do not stand together' AS example
    FROM start GROUP BY page_id HAVING count(*) > 1
    UNION ALL
    SELECT 'corpus {pool} ' || doc_id || ': chunk ' || chunk || ' after chunk ' || chunk_before
    FROM followed WHERE page_before = page_id AND chunk <= chunk_before
"""


def check_order(db: duckdb.DuckDBPyConnection, examined: Examined) -> None:
    """Check the order of every table's rows across the files of each split."""
    for name in _SORTED:
        if examined.ready((name,), "row_order"):
            _check_sorted(examined, name, TABLES[name].order, "row_order")
    if examined.ready(("ledger",), "ledger_order"):
        _check_sorted(examined, "ledger", TABLES["ledger"].order, "ledger_order")
    if examined.ready(("corpus",), "corpus_order"):
        published = examined.published()
        for pool in published.manifest.splits("corpus"):
            files = published.files("corpus", pool)
            query = _CORPUS.format(files=string_list(map(str, files)), readable=file_list(files), pool=pool)
            tell(db, examined, "corpus_order", query)


def _check_sorted(examined: Examined, table: str, columns: tuple[str, ...], name: str) -> None:
    stages = with_sets(entry.name for entry in examined.manifest.stages)
    before: tuple[str, tuple[Any, ...]] = ("", ())
    for split, values in examined.keys(table, columns):
        key = values
        if table == "ledger":
            stage = values[0]
            key = (stages.index(stage) if stage in stages else len(stages), *values)
        if before[0] == split and key < before[1]:
            shown = " ".join(str(value) for value in values)
            examined.findings.fail(name, f"{table} {split}: {shown} stands behind a row that follows it")
        before = (split, key)

"""Checks of row order."""

from __future__ import annotations

from typing import Any

from nyxqa.builders.check.context import CheckContext, record_failures
from nyxqa.builders.stages.names import with_sets
from nyxqa.schemas.sql import file_list, string_list
from nyxqa.schemas.tables import TABLES

ORDER_CHECKS = ("row_order", "corpus_order", "ledger_order")
_SORTED = ("qa", "triplets", "qrels", "mixture", "feedback", "preview")

# Only the source knows the order of pages; that the documents of a page are adjacent can be checked here.
_CORPUS = """
    WITH numbered AS (SELECT list_position({files}, filename) AS file, file_row_number AS row, page_id, chunk, doc_id
                      FROM read_parquet({readable}, filename = true, file_row_number = true)),
         followed AS (SELECT *, lag(page_id) OVER place AS previous_page, lag(chunk) OVER place AS previous_chunk
                      FROM numbered WINDOW place AS (ORDER BY file, row)),
         start AS (SELECT page_id FROM followed WHERE previous_page IS DISTINCT FROM page_id)
    SELECT 'corpus {pool}: the documents of page ' || page_id || ' are not adjacent' AS example
    FROM start GROUP BY page_id HAVING count(*) > 1
    UNION ALL
    SELECT 'corpus {pool} ' || doc_id || ': chunk ' || chunk || ' after chunk ' || previous_chunk
    FROM followed WHERE previous_page = page_id AND chunk <= previous_chunk
"""


def check_order(context: CheckContext) -> None:
    """Check the order of the rows of every table, across the files of each split."""
    for name in _SORTED:
        if context.ready((name,), "row_order"):
            _check_sorted(context, name, TABLES[name].order, "row_order")
    if context.ready(("ledger",), "ledger_order"):
        _check_sorted(context, "ledger", TABLES["ledger"].order, "ledger_order")
    if context.ready(("corpus",), "corpus_order"):
        published = context.published()
        for pool in published.manifest.splits("corpus"):
            files = published.files("corpus", pool)
            query = _CORPUS.format(files=string_list(map(str, files)), readable=file_list(files), pool=pool)
            record_failures(context, "corpus_order", query)


def _check_sorted(context: CheckContext, table: str, columns: tuple[str, ...], name: str) -> None:
    stages = with_sets(entry.name for entry in context.manifest.stages)
    previous: tuple[str, tuple[Any, ...]] = ("", ())
    for split, values in context.keys(table, columns):
        key = values
        if table == "ledger":
            stage = values[0]
            key = (stages.index(stage) if stage in stages else len(stages), *values)
        if None in values:
            continue
        if previous[0] == split and key < previous[1]:
            shown = " ".join(str(value) for value in values)
            context.findings.fail(name, f"{table} {split}: {shown} comes after a row that should follow it")
        previous = (split, key)

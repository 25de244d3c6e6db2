"""The page of SQL: one SELECT of the user over the tables, locked and limited."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from nyxqa.builders.browse.dataset import BrowsedDataset
from nyxqa.schemas.errors import UsageError

ROWS = 1_000
SECONDS = 2.0
_CELL = 300  # characters of a cell
_TABLES = "SELECT table_name, string_agg(column_name, ', ') AS columns FROM ({}) GROUP BY 1 ORDER BY 1"
_COLUMNS = """
SELECT table_name, column_name FROM duckdb_columns()
WHERE NOT internal AND NOT starts_with(table_name, 'no_') ORDER BY table_name, column_index
"""


@dataclass(frozen=True)
class SqlPage:
    """A query and its answer.

    :param as_filter: Address of the rows whose ``query_id`` it gives; empty if it gives none.
    :param tables: The tables with their columns.
    """

    query: str
    names: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    error: str = ""
    as_filter: str = ""
    tables: Sequence[tuple[str, str]] = ()


def sql_page(dataset: BrowsedDataset, query: str) -> SqlPage:
    """Run ``query`` for at most two seconds; at most a thousand rows are shown."""
    tables = [(row["table_name"], row["columns"]) for row in dataset.views.rows(_TABLES.format(_COLUMNS))]
    if not query.strip():
        return SqlPage(query, tables=tables)
    try:
        answer = dataset.views.own_query(query, ROWS, SECONDS)
    except UsageError as error:
        return SqlPage(query, error=str(error), tables=tables)
    names = answer.schema.names
    rows = [
        [_cell(value) for value in row]
        for batch in answer.to_batches()
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    ]
    as_filter = ""
    if "query_id" in names:
        inner = query.strip().rstrip(";")
        as_filter = "/rows?" + urlencode({"where": f"query_id IN (SELECT query_id FROM (\n{inner}\n))"})
    return SqlPage(query, names, rows, "", as_filter, tables)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"

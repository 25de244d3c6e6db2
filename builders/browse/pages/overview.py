"""Pages of queries: the numbers of the first page, and one SELECT of the user over the tables, locked and limited."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from nyxqa.builders.browse.dataset import BrowsedDataset
from nyxqa.builders.report.lines import shortfall_lines
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.sql import string_literal
from nyxqa.schemas.tables import TABLES

ROWS = 1_000
SECONDS = 2.0
_CELL = 300  # characters of a cell
_TABLES = "SELECT table_name, string_agg(column_name, ', ') AS columns FROM ({}) GROUP BY 1 ORDER BY 1"
_COLUMNS = """
SELECT table_name, column_name FROM duckdb_columns()
WHERE NOT internal AND NOT starts_with(table_name, 'no_') ORDER BY table_name, column_index
"""


@dataclass(frozen=True)
class Number:
    """A number, what it counts, and the SQL that gives the same."""

    value: int
    label: str
    query: str
    path: str = ""


def numbers(dataset: BrowsedDataset) -> list[Number]:
    """Rows of each table and split."""
    manifest = dataset.published.manifest
    found = []
    for table in TABLES:
        for split in manifest.splits(table):
            column = "pool" if table == "corpus" else "split"
            condition = f" WHERE {column} = {string_literal(split)}" if table != "ledger" else ""
            query = f"SELECT count(*) FROM {table}{condition}"
            path = f"/rows?split={split}" if table == "triplets" else "/drops" if table == "ledger" else ""
            found.append(Number(dataset.count(table, split), f"{table} {split}", query, path))
    return found


def drops(dataset: BrowsedDataset) -> list[tuple[str, str, int, str]]:
    """Stage, reason, number of ledger rows and the query that counts them."""
    rows = dataset.views.rows(
        "SELECT stage, reason, count(*) AS rows FROM ledger GROUP BY ALL ORDER BY rows DESC, stage, reason"
    )
    template = "SELECT count(*) FROM ledger WHERE stage = {} AND reason = {}"
    return [
        (
            row["stage"],
            row["reason"],
            row["rows"],
            template.format(string_literal(row["stage"]), string_literal(row["reason"])),
        )
        for row in rows
    ]


def notes(manifest: Manifest) -> Iterator[str]:
    """What the dataset lacks, and how it was made."""
    yield from shortfall_lines(manifest) if manifest.summary else ()


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

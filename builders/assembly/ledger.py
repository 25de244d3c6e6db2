"""The published ledger: rows of all stages, sorted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.database import arrow_rows
from nyxqa.builders.engine.step import StepOutput
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.sql import file_list
from nyxqa.schemas.tables import LEDGER

if TYPE_CHECKING:
    import duckdb

_TALLY = """
SELECT count(*), count(DISTINCT {key}), count(*) FILTER (reason IS NULL) FROM {table} WHERE split = $split
"""


_BATCH = 10_000
_NAME = "ledger"
_TABLE = "CREATE TABLE ledger ({columns})"
_OWN = """
INSERT INTO ledger
SELECT 'assemble', split, 'question', {item}, {parent}, reason, left(regexp_replace(detail, '\\s+', ' ', 'g'), 500)
FROM {table} WHERE reason IS NOT NULL
"""
# By table of stage ``assemble``: the SQL of a dropped item's name and of its parent's. Repeated ids are not names.
_TABLES = {"question": ("qa_id", "doc_id"), "entry": ("dataset || ' ' || name", "positive_id")}
_SORTED = """
SELECT * FROM ledger
ORDER BY list_position({stages}, stage), split, item_type, item_id, parent_id, reason, detail
"""


def own_drops(db: duckdb.DuckDBPyConnection) -> str:
    """Name of the table with the ledger rows of stage ``assemble``, which is created on the first call."""
    tables = {row[0] for row in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if _NAME not in tables:
        db.execute(_TABLE.format(columns=", ".join(f"{name} VARCHAR" for name in LEDGER.schema.names)))
        for table, (item, parent) in _TABLES.items():
            if table in tables:
                db.execute(_OWN.format(table=table, item=item, parent=parent))
    return _NAME


def ledger_rows(
    db: duckdb.DuckDBPyConnection, ledgers: Sequence[StepOutput], stages: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Ledger rows of all steps and of stage ``assemble``, sorted by (stage order, split, item, parent, reason)."""
    name = own_drops(db)
    files = [file for parts in ledgers for file in parts.ledgers()]
    if files:
        db.execute(f"INSERT INTO {name} SELECT * FROM read_parquet({file_list(files)})")  # noqa: S608
    yield from arrow_rows(db, _SORTED.format(stages=list(stages)), _BATCH)


def tally(db: duckdb.DuckDBPyConnection, table: str, key: str, split: str) -> Counts:
    """Counts of one split of ``table``: a row is published, or it has a reason.

    :param key: Column that names a row.
    :raises LawError: If two rows have the same name.
    """
    rows, named, published = db.execute(_TALLY.format(table=table, key=key), {"split": split}).fetchall()[0]
    if rows != named:
        raise LawError(f"assemble {split}: the ledger does not add up: {rows - named} of {rows} items named twice")
    return Counts(rows, published, rows - published, 0, published)

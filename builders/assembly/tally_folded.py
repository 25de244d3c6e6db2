"""What became of the rows of one split, counted where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nyxqa.builders.engine.accounting import Counts
from nyxqa.schemas.errors import LawError

if TYPE_CHECKING:
    import duckdb

_TALLY = """
SELECT count(*), count(DISTINCT {key}), count(*) FILTER (reason IS NULL) FROM {table} WHERE split = $split
"""


def tally(db: duckdb.DuckDBPyConnection, table: str, key: str, split: str) -> Counts:
    """The account of one split of ``table`` in numbers: a row is published, or it has a reason.

    :param key: Column that names a row.
    :raises LawError: If a name stands twice.
    """
    rows, named, published = db.execute(_TALLY.format(table=table, key=key), {"split": split}).fetchall()[0]
    if rows != named:
        raise LawError(f"assemble {split}: the ledger does not add up: {rows - named} of {rows} items named twice")
    return Counts(rows, published, rows - published, 0, published)

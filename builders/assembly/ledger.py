"""The ledger of all published stages, in its order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from nyxqa.builders.engine.duck import arrow_rows, quoted
from nyxqa.builders.engine.step import Parts

if TYPE_CHECKING:
    import duckdb

_BATCH = 10_000
_OWN = """
CREATE TABLE ledger AS
SELECT 'assemble' AS stage, split, 'question' AS item_type, qa_id AS item_id, doc_id AS parent_id, reason,
       left(regexp_replace(detail, '\\s+', ' ', 'g'), 500) AS detail
FROM question WHERE reason IS NOT NULL
"""
_SORTED = """
SELECT * FROM ledger
ORDER BY list_position({stages}, stage), split, item_type, item_id, parent_id, reason, detail
"""


def ledger_rows(
    db: duckdb.DuckDBPyConnection, ledgers: Sequence[Parts], stages: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Rows of the steps' ledgers and of assembling itself, by (stage order, split, item, parent, reason)."""
    db.execute(_OWN)
    files = [file for parts in ledgers for file in parts.ledgers()]
    if files:
        db.execute(f"INSERT INTO ledger SELECT * FROM read_parquet({quoted(files)})")  # noqa: S608
    yield from arrow_rows(db, _SORTED.format(stages=list(stages)), _BATCH)

"""Questions by type, kind of their document and outcome of ``verify``, where a recipe names types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.schemas.sql import file_list
from nyxqa.schemas.tables import CONDITIONS, QA_SPLITS

if TYPE_CHECKING:
    import duckdb

COLUMNS = ("split", "type", "kind", "outcome", "questions")

_QA = "SELECT '{split}' AS split, type, kind, evidence, answerable FROM read_parquet({files}) WHERE type <> ''"
_KEPT = (
    "SELECT split, type, kind, CASE WHEN answerable THEN 'kept' ELSE 'kept, not answerable' END AS outcome FROM asked"
)
_RIGHT = "SELECT split, type, kind, 'kept, right: {view}' AS outcome FROM asked WHERE evidence.{view}.correct"
# Stage ``verify`` writes the type of a question as the detail of its drop.
_DROPPED = """
SELECT ledger.split, detail AS type, corpus.kind, 'dropped: ' || reason AS outcome
FROM read_parquet({ledger}) ledger JOIN read_parquet({corpus}) corpus ON corpus.doc_id = ledger.parent_id
WHERE stage = 'verify' AND item_type = 'question' AND detail IN ('fact', 'howto', 'why', 'compare', 'list', 'boolean')
"""


def type_outcomes(
    db: duckdb.DuckDBPyConnection, qa: dict[str, list[Path]], corpus: list[Path], ledger: list[Path]
) -> list[dict[str, Any]]:
    """Numbers of questions, each row with ``COLUMNS``; none where no question has a type.

    A question may be answered rightly in several views; ``kept`` counts each question once.

    :param qa: Files by split.
    """
    if not qa or not corpus:
        return []
    asked = " UNION ALL ".join(_QA.format(split=split, files=file_list(files)) for split, files in qa.items())
    parts = [_KEPT, *(_RIGHT.format(view=view) for view in CONDITIONS)]
    if ledger:
        parts.append(_DROPPED.format(ledger=file_list(ledger), corpus=file_list(corpus)))
    query = f"WITH asked AS ({asked}) SELECT split, type, kind, outcome, count(*) FROM ({' UNION ALL '.join(parts)}) "  # noqa: S608
    rows = db.execute(f"{query} GROUP BY ALL").fetchall()
    rows.sort(key=lambda row: (QA_SPLITS.index(row[0]), *row[1:]))
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

"""Evidence outcomes by kind of document, for the questions that were kept and those that stage ``verify`` dropped."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.schemas.sql import file_list
from nyxqa.schemas.tables import QA_SPLITS

if TYPE_CHECKING:
    import duckdb

Outcomes = dict[str, dict[str, dict[str, int]]]

_VIEWS = ("closed_book", "document", "no_images", "images_only")

_QA = "(SELECT '{split}' AS split, kind, evidence FROM read_parquet({files}))"
_KEPT = """
SELECT split, 'kept' AS outcome, kind, count(*) FROM {qa} WHERE evidence IS NOT NULL GROUP BY ALL
"""
_RIGHT = """
SELECT split, 'kept, right: {view}', kind, count(*) FROM {qa} WHERE evidence.{view}.correct GROUP BY ALL
"""
_DROPPED = """
SELECT ledger.split, 'dropped: ' || reason, corpus.kind, count(*)
FROM read_parquet({ledger}) ledger JOIN read_parquet({corpus}) corpus ON corpus.doc_id = ledger.parent_id
WHERE stage = 'verify' AND item_type = 'question' GROUP BY ALL
"""


def evidence_outcomes(
    db: duckdb.DuckDBPyConnection, qa: dict[str, list[Path]], corpus: list[Path], ledger: list[Path]
) -> Outcomes:
    """Questions by split, outcome and kind of their document; splits without verification are omitted.

    A question may be answered correctly in several views; ``kept`` counts each question once.

    :param qa: Files by split.
    """
    outcomes: Outcomes = {}
    for query in _queries(qa, corpus, ledger):
        for split, outcome, kind, count in sorted(db.execute(query).fetchall()):
            outcomes.setdefault(split, {}).setdefault(outcome, {})[kind] = count
    return {split: outcomes[split] for split in sorted(outcomes, key=QA_SPLITS.index)}


def _queries(qa: dict[str, list[Path]], corpus: list[Path], ledger: list[Path]) -> Iterable[str]:
    for split, files in qa.items():
        table = _QA.format(split=split, files=file_list(files))
        yield _KEPT.format(qa=table)
        yield from (_RIGHT.format(qa=table, view=view) for view in _VIEWS)
    if corpus and ledger:
        yield _DROPPED.format(corpus=file_list(corpus), ledger=file_list(ledger))

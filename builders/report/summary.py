"""Counts of the published tables, for the card, and outcomes of ``verify`` by kind and by type of question."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.builders.engine.database import database
from nyxqa.schemas.sql import file_list
from nyxqa.schemas.tables import CONDITIONS, QA, QA_SPLITS

if TYPE_CHECKING:
    import duckdb

_PROMPTS = ", ".join(f"{{'name': '{one.name}', 'hash': prompts.{one.name}}}" for one in QA.schema.field("prompts").type)
_QUERIES = {
    "documents": "SELECT kind, count(*) FROM {corpus} GROUP BY ALL ORDER BY ALL",
    "languages": "SELECT coalesce(language, 'unknown'), count(*) FROM {corpus} GROUP BY ALL ORDER BY 2 DESC, 1",
    "licenses": """SELECT source || ': ' || coalesce(license, 'unknown'), count(*) FROM {corpus}
                   GROUP BY ALL ORDER BY ALL""",
    "images": "SELECT 'distinct', count(DISTINCT i) FROM (SELECT unnest(image_ids) AS i FROM {corpus})",
    "generators": "SELECT generator, count(*) FROM {qa} GROUP BY ALL ORDER BY ALL",
    "prompts": """SELECT prompt.name || ' ' || prompt.hash, count(*)
                  FROM (SELECT unnest([{prompts}]) AS prompt FROM {qa}) WHERE prompt.hash <> ''
                  GROUP BY ALL ORDER BY ALL""",
    "evidence": """SELECT CASE WHEN evidence IS NULL THEN 'not verified' ELSE 'verified' END, count(*) FROM {qa}
                   GROUP BY ALL ORDER BY ALL""",
    "negatives": "SELECT len(negative_ids) || ' a triplet', count(*) FROM {triplets} GROUP BY ALL ORDER BY ALL",
    "without_negatives": """SELECT dataset, [count(*) FILTER (len(negative_ids) = 0), count(*)] FROM {triplets}
                            GROUP BY ALL HAVING count(*) FILTER (len(negative_ids) = 0) > 0 ORDER BY ALL""",
    "drops": "SELECT stage || ': ' || reason, count(*) FROM {ledger} GROUP BY ALL ORDER BY ALL",
}

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

Outcomes = dict[str, dict[str, dict[str, int]]]
_VIEWS = ("closed_book", "document", "no_images", "images_only")
_VERIFIED = "(SELECT '{split}' AS split, kind, evidence FROM read_parquet({files}))"
_PASSED = """
SELECT split, 'kept' AS outcome, kind, count(*) FROM {qa} WHERE evidence IS NOT NULL GROUP BY ALL
"""
_ANSWERED = """
SELECT split, 'kept, right: {view}', kind, count(*) FROM {qa} WHERE evidence.{view}.correct GROUP BY ALL
"""
_REFUSED = """
SELECT ledger.split, 'dropped: ' || reason, corpus.kind, count(*)
FROM read_parquet({ledger}) ledger JOIN read_parquet({corpus}) corpus ON corpus.doc_id = ledger.parent_id
WHERE stage = 'verify' AND item_type = 'question' GROUP BY ALL
"""


def summarise(folder: Path, files: Iterable[str]) -> dict[str, Any]:
    """Named counts over the tables below ``folder``; a table without files has no counts."""
    names = sorted(files)
    tables = {
        table: [folder / name for name in names if name.startswith(f"data/{table}/")]
        for table in ("corpus", "qa", "triplets", "ledger")
    }
    counts: dict[str, dict[str, Any]] = {}
    with database(folder) as db:
        for name, query in _QUERIES.items():
            used = {table: paths for table, paths in tables.items() if f"{{{table}}}" in query}
            read = {table: f"read_parquet({file_list(paths)})" for table, paths in used.items()}
            sql = query.format(**read, prompts=_PROMPTS)
            counts[name] = dict(db.execute(sql).fetchall()) if all(used.values()) else {}
        counts["outcomes"] = evidence_outcomes(db, _by_split(tables["qa"]), tables["corpus"], tables["ledger"])
        types = type_outcomes(db, _by_split(tables["qa"]), tables["corpus"], tables["ledger"])
    return {**counts, **({"types": types} if types else {})}


def _by_split(files: list[Path]) -> dict[str, list[Path]]:
    by_split: dict[str, list[Path]] = {}
    for file in files:
        by_split.setdefault(file.name.partition("-")[0], []).append(file)
    return by_split


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
        table = _VERIFIED.format(split=split, files=file_list(files))
        yield _PASSED.format(qa=table)
        yield from (_ANSWERED.format(qa=table, view=view) for view in _VIEWS)
    if corpus and ledger:
        yield _REFUSED.format(corpus=file_list(corpus), ledger=file_list(ledger))

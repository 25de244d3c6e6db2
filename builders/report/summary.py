"""Counts of the published tables, for the card."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.database import database
from nyxqa.builders.report.evidence_outcomes import evidence_outcomes
from nyxqa.builders.report.type_outcomes import type_outcomes
from nyxqa.schemas.sql import file_list
from nyxqa.schemas.tables import QA

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

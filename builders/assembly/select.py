"""Which questions are published: not repeated across splits, passing the filters, within the quota."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from nyxqa.builders.engine.database import append, arrow_batches
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.filters.conditions import first_failed
from nyxqa.schemas.content import KINDS
from nyxqa.schemas.loading.earlier_format import added_columns, sql_type, sql_values
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.sql import file_list, identifier, string_literal
from nyxqa.schemas.tables import QA, QA_SPLITS

if TYPE_CHECKING:
    import duckdb

_BATCH = 10_000
# Questions of all splits without their documents' text; ``reason`` stays null for what is published.
_LOAD = """
CREATE TABLE question (split VARCHAR, reason VARCHAR, detail VARCHAR, key VARCHAR, order_key UBIGINT, qa_id VARCHAR,
    question VARCHAR, images {images}, image_ids VARCHAR[], answer VARCHAR, answers VARCHAR[], answer_long VARCHAR,
    choices VARCHAR[], label INTEGER, doc_id VARCHAR, page_id VARCHAR, kind VARCHAR, source VARCHAR, generator VARCHAR,
    prompts {prompts}, evidence {evidence}, positives {positives}, negative_ids VARCHAR[], negative_ranks INTEGER[],
    negative_scores FLOAT[], miner VARCHAR, needs VARCHAR, {added})
"""
_FILL = """
INSERT INTO question
SELECT '{split}', NULL, '', key, order_key, qa_id, question, images, list_transform(images, lambda i: i.image_id),
       answer, answers, answer_long, choices, label, {place}, document.source,
       generator, prompts, {evidence}, positives, negative_ids, negative_ranks, negative_scores, miner, {needs}, {added}
FROM read_parquet({files})
"""
# A question that no document answers has none.
_PLACED = ", ".join(f"CASE WHEN {{holds}} THEN document.{name} ELSE '' END" for name in ("doc_id", "page_id", "kind"))
_TYPES = "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet({files}))"
_REPEATED = """
UPDATE question SET reason = 'in_' || '{earlier}', detail = 'equal to question ' || other.qa_id
FROM question other
WHERE question.split = '{split}' AND question.reason IS NULL
  AND other.split = '{earlier}' AND other.reason IS NULL AND other.key = question.key
"""
_OPEN = "SELECT {columns} FROM question WHERE split = '{split}' AND reason IS NULL ORDER BY qa_id"
_FILTER = """
UPDATE question SET reason = 'filter', detail = {text}
WHERE split = '{split}' AND reason IS NULL AND qa_id IN (FROM missed)
"""
_QUOTA = """
UPDATE question SET reason = 'over_quota', detail = 'beyond {quota} questions of its kind'
WHERE qa_id IN (SELECT qa_id FROM question WHERE split = '{split}' AND reason IS NULL
                  AND NOT {rejected}
                QUALIFY row_number() OVER (PARTITION BY kind ORDER BY order_key, qa_id) > {quota})
  AND split = '{split}'
"""


def select_questions(
    db: duckdb.DuckDBPyConnection, questions: Mapping[str, StepOutput], recipe: Recipe, rejected: str = "false"
) -> None:
    """Create table ``question`` and give a reason to each question that is not published.

    :param rejected: SQL condition of questions that people rejected, which take no place of a quota.
    """
    files = [file for parts in questions.values() for file in parts.files()]
    types = dict(db.execute(_TYPES.format(files=file_list(files))).fetchall())
    known = {name: types[name] for name in ("images", "prompts", "positives")}
    added = added_columns(QA)
    values = {**sql_values(QA), **_kind_values(types)}
    columns = ", ".join(f"{identifier(column.name)} {sql_type(column.type)}" for column in added)
    db.execute(_LOAD.format(**known, evidence=sql_type(QA.schema.field("evidence").type), added=columns))
    defaults = ", ".join(values[column.name] for column in added)
    conditions = recipe.filters.qa if recipe.filters.enabled else []
    for split, parts in questions.items():
        files_read = file_list(parts.files())
        needs = "CASE WHEN second IS NULL THEN 'any' ELSE 'all' END" if "second" in types else "'any'"
        place = _PLACED.format(holds="answerable" if "answerable" in types else "true")
        filled = {
            "place": place,
            "files": files_read,
            "evidence": values["evidence"],
            "needs": needs,
            "added": defaults,
        }
        db.execute(_FILL.format(split=split, **filled))
        for earlier in QA_SPLITS[: QA_SPLITS.index(split)]:
            db.execute(_REPEATED.format(split=split, earlier=earlier))
        for condition in conditions:
            _filter(db, split, condition)
        quota = quota_of(recipe, split)
        if quota is not None:
            db.execute(_QUOTA.format(split=split, quota=quota, rejected=rejected))


def _kind_values(types: Mapping[str, str]) -> dict[str, str]:
    """SQL of the columns that the questions of a recipe with types, several hops or unanswerable questions have."""
    names = [name for name in ("type", "nuggets", "answerable") if name in types]
    return {name: identifier(name) for name in names} | ({"evidence": "evidence"} if names else {})


def _filter(db: duckdb.DuckDBPyConnection, split: str, condition: str) -> None:
    """Give the reason ``filter`` to questions of ``split`` that do not meet ``condition``.

    :raises UsageError: If evaluating the condition fails on a row, such as a cast of a text that is not a number, or
        takes too long.
    """
    columns = [column.name for column in QA.columns if column.name != "images"]
    db.execute("CREATE OR REPLACE TEMP TABLE missed (qa_id VARCHAR)")
    for rows in arrow_batches(db, _OPEN.format(columns=", ".join(map(identifier, columns)), split=split), _BATCH):
        failed = first_failed(pa.Table.from_batches([rows]), [condition], "filters.qa")
        missed = [one is not None for one in failed]
        append(db, "missed", pa.table({"qa_id": rows.column("qa_id").filter(pa.array(missed))}))
    db.execute(_FILTER.format(split=split, text=string_literal(condition)))


def quota_of(recipe: Recipe, split: str) -> int | None:
    """Most questions of each kind in ``split``; None without a limit."""
    if split == "train":
        return None
    wanted = recipe.split.validation if split == "validation" else recipe.split.test
    return wanted if isinstance(wanted, int) else None


def shortfall(db: duckdb.DuckDBPyConnection, recipe: Recipe, split: str) -> dict[str, int]:
    """By kind, how many questions fewer than its quota ``split`` has."""
    quota = quota_of(recipe, split)
    if quota is None:
        return {}
    query = "SELECT kind, count(*) FROM question WHERE split = $split AND reason IS NULL GROUP BY kind"
    have = dict(db.execute(query, {"split": split}).fetchall())
    return {kind: quota - have.get(kind, 0) for kind in KINDS if have.get(kind, 0) < quota}

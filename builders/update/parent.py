"""The published version that an update starts from, and the tables of it that the update reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.builders.engine.database import database
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.files import replacing
from nyxqa.schemas.loading.published import Published, open_published
from nyxqa.schemas.sql import file_list, identifier, string_literal
from nyxqa.schemas.tables import CORPUS, DATASET, LEDGER, QA, TRIPLETS, WEB

if TYPE_CHECKING:
    import duckdb

PAGES, DOCUMENTS = "pages.parquet", "documents.parquet"
# Stage and reason of the ledger row that says of which document a question was asked first.
STAGE, STALE = "update", "stale"

_PAGES = """
SELECT page_id, min(split) AS split FROM (SELECT page_id, split FROM corpus
    UNION ALL SELECT unnest(also_at).page_id, split FROM corpus) GROUP BY page_id ORDER BY page_id
"""
_DOCUMENTS = "SELECT doc_id, page_id, split FROM corpus ORDER BY doc_id"
_QUESTIONS = """
SELECT {columns}, coalesce(first.item_id, qa.doc_id) AS asked_of, coalesce(t.positives, []) AS positives,
       coalesce(t.negative_ids, []) AS negative_ids, coalesce(t.negative_ranks, []) AS negative_ranks,
       coalesce(t.negative_scores, []) AS negative_scores, coalesce(t.miner, '') AS miner,
       CASE WHEN t.needs = 'all' THEN list_filter(t.positives, lambda one: one.origin = 'source'
            AND one.doc_id <> qa.doc_id)[1].doc_id END AS second_id
FROM qa LEFT JOIN (SELECT * FROM triplets WHERE dataset = {dataset}) t ON t.query_id = qa.qa_id
LEFT JOIN (SELECT parent_id, any_value(split_part(item_id, ':', 2)) AS item_id FROM ledger
           WHERE stage = '{stage}' AND reason = '{stale}' AND item_type = 'document' GROUP BY parent_id) first
       ON first.parent_id = qa.qa_id
WHERE qa.dataset = {dataset} ORDER BY qa.qa_id
"""


@dataclass(frozen=True)
class Parent:
    """A published version of a dataset.

    :param fingerprint: That of its manifest, which says which version it is.
    :param out: Folder in which it is published.
    :param splits: Splits of which it has questions.
    """

    fingerprint: str
    out: Path
    splits: tuple[str, ...]


def questions_file(folder: Path, split: str) -> Path:
    """The file of the published questions of one split, below the folder of ``write_parent``."""
    return folder / f"questions-{split}.parquet"


def write_parent(parent: Parent, folder: Path) -> None:
    """Write where pages and documents stand, and the questions of each split with their documents and negatives.

    :raises WorldError: If the folder holds another version by now.
    """
    published = open_published(parent.out)
    if published.manifest.fingerprint != parent.fingerprint:
        raise WorldError(f"{parent.out} holds another version than the update started from; run the command again")
    with database(folder) as db:
        for table, names in (
            (CORPUS, ("doc_id", "page_id", "split", "also_at")),
            (LEDGER, ("stage", "item_type", "item_id", "parent_id", "reason")),
        ):
            kind = WEB if table is CORPUS else "rows"
            db.execute(_view(published, table.name, kind, names))
        queries = {PAGES: _PAGES, DOCUMENTS: _DOCUMENTS}
        for name, query in queries.items():
            _copy(db, query, folder / name)
        for split in parent.splits:
            columns = [column.name for column in QA.columns if column.name != "images"]
            db.execute(_view(published, QA.name, split, columns))
            wanted = [column.name for column in TRIPLETS.columns if column.name != "query_images"]
            db.execute(_view(published, TRIPLETS.name, split, wanted))
            own = ", ".join(f"qa.{identifier(name)}" for name in columns)
            query = _QUESTIONS.format(columns=own, dataset=string_literal(DATASET), stage=STAGE, stale=STALE)
            _copy(db, query, questions_file(folder, split))


def _view(published: Published, table: str, split: str, columns: Sequence[str]) -> str:
    """The statement that makes a view of the files of one split, of no rows where there are none."""
    files = published.files(table, split)
    names = ", ".join(map(identifier, columns))
    source = f"SELECT {names} FROM read_parquet({file_list(files)})"  # noqa: S608
    if not files:
        source = f"SELECT {', '.join(f'NULL::VARCHAR AS {identifier(name)}' for name in columns)} WHERE false"
    return f"CREATE OR REPLACE VIEW {table} AS {source}"


def _copy(db: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    with replacing(file) as temporary:
        db.execute(f"COPY ({query}) TO {string_literal(str(temporary))} (FORMAT parquet, COMPRESSION zstd)")

"""Stage ``dedup``: each chunk becomes a document of a cluster, or is dropped as a copy or near-duplicate."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.dedup.deduplicate import deduplicate
from nyxqa.builders.dedup.settings import (
    MIN_PAGES,
    PHASHES,
    TEXT,
    similarity_params,
    similarity_settings,
    write_documents,
)
from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.database import PART_NUMBER, clear_scratch, database, shard_tables
from nyxqa.builders.engine.decide import decide_then_apply, paired_files
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.rows import DOCUMENTS
from nyxqa.builders.update.parent import UpdateInputs
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.sql import file_list, string_list
from nyxqa.schemas.tables import QA_SPLITS

if TYPE_CHECKING:
    import duckdb

VERSION = 2
# Data keys of recipe section ``[dedup]`` beside those of ``similarity_params``.
_KEYS = ("enabled", "permutations", "common")

# One row per chunk, in the order of its shard.
VERDICTS = pa.schema(
    [
        ("reason", pa.string()),  # null for a chunk that is retained
        ("detail", pa.string()),
        ("cluster", pa.string()),
        DOCUMENTS.field("also_at"),
    ]
)

# Of the places of one document the first stays, of the preferred ones if there are any.
_PLACES = """
CREATE TABLE chunk AS
SELECT *, row_number() OVER (PARTITION BY doc_id ORDER BY preference, shard, row) = 1 AS first FROM (
    SELECT {shard} AS shard, file_row_number AS row, place, doc_id, page_id, chunk, url,
           n_tokens, len(images) AS n_images, {preference} AS preference
    FROM read_parquet({files}, filename = true, file_row_number = true) {published})
"""
# In an update: what stands on pages of train before validation, test and added pages, so that the side of a later split
# retires; then what was published, where it was published.
_PREFERENCE = """coalesce(list_position({splits}, published_page.split), 9)::VARCHAR || CASE
    WHEN published.home IS NULL THEN 'c' WHEN published.home = page_id THEN 'a' ELSE 'b' END"""
_PUBLISHED = """
LEFT JOIN (SELECT page_id, split FROM read_parquet({pages})) published_page USING (page_id)
LEFT JOIN (SELECT doc_id, page_id AS home FROM read_parquet({documents})) published USING (doc_id)
"""

# Each document once.
_DOCUMENTS = """
SELECT d.doc_id, {text}, d.n_tokens, c.preference, {phashes} FROM read_parquet({files}) d JOIN chunk c USING (place)
WHERE first AND d.doc_id NOT IN (SELECT doc_id FROM common) ORDER BY shard, row
"""

# Documents similar in text on this many pages are boilerplate: one is retained, and it does not link its pages.
_COMMON = """
INSERT INTO common
WITH spot AS (SELECT text, chunk.* FROM chunk JOIN text_cluster ON text_cluster.id = chunk.doc_id),
     large AS (SELECT text, arg_min(place, (preference, -n_images, -n_tokens, doc_id, shard, row)) AS stays
               FROM spot GROUP BY text HAVING count(DISTINCT page_id) > $limit)
SELECT DISTINCT spot.doc_id, large.stays FROM spot JOIN large USING (text)
"""

_VERDICTS = """
CREATE TABLE verdict AS
SELECT chunk.*, home.place AS home, common.stays, removed.survivor, removed.similarity,
       CASE WHEN common.stays <> chunk.place THEN 'common_text'
            WHEN common.stays IS NULL AND NOT chunk.first THEN 'same_content'
            WHEN removed.survivor IS NOT NULL THEN 'near_duplicate' END AS reason
FROM chunk JOIN (SELECT doc_id, place FROM chunk WHERE first) home USING (doc_id)
LEFT JOIN common USING (doc_id) LEFT JOIN removed ON removed.id = chunk.doc_id AND common.stays IS NULL
"""

# A cluster is named by the smallest id among its retained documents.
_CLUSTERS = """
CREATE TABLE named AS
SELECT doc_id, min(doc_id) OVER (PARTITION BY coalesce(cluster, doc_id)) AS cluster
FROM verdict LEFT JOIN cluster ON cluster.id = doc_id WHERE reason IS NULL
"""

_ALSO_AT = """
CREATE TABLE also AS
SELECT home AS place, list({'page_id': page_id, 'chunk': chunk, 'url': url} ORDER BY shard, row) AS also_at
FROM verdict WHERE reason = 'same_content' GROUP BY home
"""

_ROWS = """
SELECT v.shard, reason, named.cluster, coalesce(also.also_at, []) AS also_at,
       CASE reason WHEN 'common_text' THEN 'stays at ' || stays
                   WHEN 'same_content' THEN 'document ' || v.doc_id || ' stays at ' || home
                   WHEN 'near_duplicate' THEN 'document ' || survivor || ' stays, similarity '
                                              || printf('%.3f', similarity) ELSE '' END AS detail
FROM verdict v LEFT JOIN also USING (place) LEFT JOIN named ON v.reason IS NULL AND named.doc_id = v.doc_id
ORDER BY v.shard, v.row
"""


def write_verdicts(chunks: StepOutput, settings: Dedup, folder: Path, update: UpdateInputs | None = None) -> None:
    """Decide over all chunks; writes one file of VERDICTS per shard.

    If the search for duplicates is stopped, its progress stays in ``folder`` and it resumes.

    :param update: The published version whose documents stay first, if there is one.

    :raises WorldError: If memory, spill space or disk run out.
    """
    files = chunks.files()
    clear_scratch(folder)
    with database(folder) as db:
        db.execute(_places(files, update))
        pages = db.execute("SELECT count(DISTINCT page_id) FROM chunk").fetchall()[0][0]
        search = folder / ".search"
        _find_duplicates(db, files, settings, max(MIN_PAGES, settings.common * pages), search)
        if not settings.enabled:
            db.execute("DELETE FROM removed")
        for statement in (_VERDICTS, _CLUSTERS, _ALSO_AT):
            db.execute(statement)
        for shard, table in enumerate(shard_tables(db, _ROWS, len(files))):
            write_table(part_file(folder, shard), table.select(VERDICTS.names).cast(VERDICTS))
        shutil.rmtree(search)


def _places(files: list[Path], update: UpdateInputs | None) -> str:
    """The statement that makes table ``chunk``."""
    preference, published = "''", ""
    if update is not None:
        preference = _PREFERENCE.format(splits=string_list(QA_SPLITS))
        tables = {name: file_list([update.tables / f"{name}.parquet"]) for name in ("pages", "documents")}
        published = _PUBLISHED.format(**tables)
    return _PLACES.format(files=file_list(files), shard=PART_NUMBER, preference=preference, published=published)


def _find_duplicates(
    db: duckdb.DuckDBPyConnection, files: list[Path], settings: Dedup, limit: float, folder: Path
) -> None:
    """Make tables ``common`` (doc_id, stays), ``cluster`` (id, cluster) and ``removed`` (id, survivor, similarity).

    Common text is searched for first; if there is any, clusters are searched for again without it.
    """
    db.execute("CREATE TABLE common (doc_id VARCHAR, stays VARCHAR)")
    result = _search(db, files, settings, folder / "all")
    _read(db, "text_cluster", result / "texts.parquet")
    db.execute(_COMMON, {"limit": limit})
    if db.execute("SELECT count(*) FROM common").fetchall()[0][0]:
        result = _search(db, files, settings, folder / "rest")
    for table, name in (("cluster", "clusters"), ("removed", "dropped")):
        _read(db, table, result / f"{name}.parquet")


def _search(db: duckdb.DuckDBPyConnection, files: list[Path], settings: Dedup, folder: Path) -> Path:
    """Search the documents that are not common, resuming a stopped search; returns the folder of the result."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = folder / "documents.parquet"
    write_documents(db, _DOCUMENTS.format(text=TEXT, phashes=PHASHES, files=file_list(files)), documents)
    with deduplicate(
        documents,
        phashes="phashes",
        tokens="n_tokens",
        preference="preference",
        permutations=settings.permutations,
        work=folder,
        **similarity_settings(settings),
    ) as found:
        found.write(folder / "found")
    return folder / "found"


def _read(db: duckdb.DuckDBPyConnection, table: str, file: Path) -> None:
    db.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet({file_list([file])})")  # noqa: S608


def dedup(run: Run, chunks: StepOutput, settings: Dedup, update: UpdateInputs | None = None) -> StepOutput:
    """Drop copies, near-duplicates and common text, naming what is retained; give each document a cluster.

    :param chunks: Rows of CHUNKS.
    :param update: The published version whose documents are retained first, if there is one.
    :returns: Rows of DOCUMENTS.
    """
    params = {"dedup": section_params(settings, _KEYS) | similarity_params(settings)}
    return decide_then_apply(
        run,
        chunks,
        Step("dedup/verdicts", VERSION, params | ({} if update is None else update.params())),
        partial(write_verdicts, chunks, settings, update=update),
        Step("dedup", VERSION, unit_in="document", unit_out="document"),
        paired_files,
        dedup_shard,
        DOCUMENTS,
        resume=True,
    )


def dedup_shard(task: tuple[Path, Path]) -> ShardOutput:
    """Retained documents of one shard.

    :param task: Part file of the chunks and the file of their verdicts.
    """
    chunks, verdicts = (pq.read_table(file).to_pylist() for file in task)
    rows, drops, parents = [], [], []
    for row, verdict in zip(chunks, verdicts, strict=True):
        if verdict["reason"] is None:
            parents.append(row["place"])
            rows.append({**row, "cluster": verdict["cluster"], "also_at": verdict["also_at"]})
        else:
            drops.append(Drop("document", row["place"], row["page_id"], verdict["reason"], verdict["detail"]))
    account = Account([row["place"] for row in chunks], parents, drops)
    return ShardOutput(pa.Table.from_pylist(rows, schema=DOCUMENTS), account)

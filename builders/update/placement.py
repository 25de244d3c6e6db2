"""Sides of the pages of an update: published ones keep theirs, added ones get that of similar pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nyxqa.builders.dedup.groups import Groups, find_groups
from nyxqa.builders.dedup.leaks import pairs_between
from nyxqa.builders.dedup.word_hashes import I64
from nyxqa.builders.engine.database import PART_NUMBER, arrow, database, shard_tables
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.rows import SPLIT_DOCUMENTS
from nyxqa.builders.update.parent import PAGES
from nyxqa.schemas.content import KINDS
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.sql import file_list, string_list
from nyxqa.schemas.tables import QA_SPLITS

if TYPE_CHECKING:
    import duckdb

ACROSS = "across_splits"  # why a document of a later split retires

# One row per document, in the order of its shard.
PLACEMENT = pa.schema(
    [
        ("reason", pa.string()),  # null for a document that stays
        ("detail", pa.string()),
        *[SPLIT_DOCUMENTS.field(name) for name in ("group", "split", "cluster", "also_at")],
    ]
)


@dataclass(frozen=True)
class Taken:
    """What the published pages hold of each split, in the order of ``QA_SPLITS``.

    :param sizes: int64 [3, 2]: pages and documents.
    :param seeds: int64 [3, 3]: documents of each kind that can become seeds.
    """

    sizes: I64
    seeds: I64


NOTHING = Taken(np.zeros((3, 2), np.int64), np.zeros((3, 3), np.int64))

Assign = Callable[[Groups, Taken], npt.NDArray[np.int8]]

# A rank is the place of a split in QA_SPLITS; of a page that is not published it is null, and then that of its group.
_PAGES = """
CREATE TABLE page AS SELECT page_id, "group" AS label, (list_position({splits}, known.split) - 1)::TINYINT AS known
FROM grouped LEFT JOIN read_parquet({parent}) known USING (page_id);
CREATE TABLE home AS SELECT label, min(known) AS low, coalesce(min(known) <> max(known), false) AS divided
FROM page GROUP BY label
"""
_DOCUMENTS = """
CREATE TABLE document AS
SELECT {shard} AS shard, file_row_number AS row, doc_id, page_id, cluster, also_at, kind, n_tokens
FROM read_parquet({files}, filename = true, file_row_number = true)
"""
_TAKEN = """
SELECT known AS rank, count(DISTINCT page_id) AS pages, count(doc_id) AS documents, {seeds}
FROM page LEFT JOIN document USING (page_id) WHERE known IS NOT NULL GROUP BY known
"""
_PLACED = """
CREATE TABLE place AS SELECT page_id, rank, divided, min(page_id) OVER (PARTITION BY label, rank) AS "group"
FROM (SELECT page_id, label, divided, coalesce(known, low, assigned.rank) AS rank
      FROM page JOIN home USING (label) LEFT JOIN assigned USING (label))
"""
_COPIES = """
CREATE TABLE copy AS
SELECT doc_id, list(one ORDER BY number) FILTER (other.rank = own.rank) AS also_at, min(other.rank) AS low
FROM (SELECT doc_id, page_id, unnest(also_at) AS one, generate_subscripts(also_at, 1) AS number FROM document) d
JOIN place own USING (page_id) JOIN place other ON other.page_id = one.page_id GROUP BY doc_id
"""
# Of two similar documents on different sides the one of the later split retires; one that retires itself costs nobody.
_RETIRE_COPIES = """
INSERT INTO retired SELECT doc_id, 'a copy of it stands on a page of split ' || {splits}[low + 1]
FROM document JOIN place USING (page_id) JOIN copy USING (doc_id) WHERE low < rank
"""
_RETIRE_ALIKE = """
INSERT INTO retired
SELECT b, 'near-duplicate of document ' || min(a) || ' of split ' || {splits}[min(low) + 1] FROM (
    SELECT CASE WHEN p.rank < q.rank THEN x.doc_id ELSE y.doc_id END AS a, least(p.rank, q.rank) AS low,
           CASE WHEN p.rank < q.rank THEN y.doc_id ELSE x.doc_id END AS b, greatest(p.rank, q.rank) AS high
    FROM similar_pairs JOIN document x ON x.doc_id = similar_pairs.a JOIN document y ON y.doc_id = similar_pairs.b
    JOIN place p ON p.page_id = x.page_id JOIN place q ON q.page_id = y.page_id)
WHERE high = {rank} AND low < high AND a NOT IN (SELECT doc_id FROM retired) AND b NOT IN (SELECT doc_id FROM retired)
GROUP BY b
"""
_ROWS = """
SELECT d.shard, CASE WHEN r.doc_id IS NULL THEN NULL ELSE '{across}' END AS reason, coalesce(r.detail, '') AS detail,
       p."group", {splits}[p.rank + 1] AS split,
       CASE WHEN r.doc_id IS NULL THEN min(d.doc_id) FILTER (r.doc_id IS NULL) OVER (PARTITION BY d.cluster)
            ELSE d.cluster END AS cluster,
       coalesce(CASE WHEN len(d.also_at) = 0 THEN d.also_at ELSE c.also_at END, []) AS also_at
FROM document d JOIN place p USING (page_id) LEFT JOIN copy c ON c.doc_id = d.doc_id
LEFT JOIN retired r ON r.doc_id = d.doc_id ORDER BY d.shard, d.row
"""


def write_placement(
    documents: StepOutput, parent: Path, similarity: Dedup, min_tokens: int, assign: Assign, folder: Path
) -> None:
    """Write the group and split of every document, and which retire: one file per shard, of PLACEMENT.

    A group with published pages takes its added pages along. One whose published pages are in several splits is
    divided: its added pages go to the first of these, and of near-duplicates across the division the document of the
    later split retires.

    :param documents: Rows of DOCUMENTS.
    :param parent: Folder of the tables of the published version.
    :param assign: Says to which split each group of added pages goes.
    """
    groups = find_groups(documents, similarity, min_tokens, folder)
    files, splits = documents.files(), string_list(QA_SPLITS)
    with database(folder) as db:
        db.register("grouped", groups.pages)
        db.execute(_PAGES.format(splits=splits, parent=file_list([parent / PAGES])))
        db.execute(_DOCUMENTS.format(shard=PART_NUMBER, files=file_list(files)))
        db.register("assigned", _assigned(db, groups, assign, min_tokens))
        db.execute(_PLACED)
        db.execute(_COPIES)
        db.execute("CREATE TABLE retired (doc_id VARCHAR, detail VARCHAR)")
        db.execute(_RETIRE_COPIES.format(splits=splits))
        _retire_alike(db, files, similarity, folder)
        query = _ROWS.format(across=ACROSS, splits=splits)
        for shard, table in enumerate(shard_tables(db, query, len(files))):
            write_table(part_file(folder, shard), table.select(PLACEMENT.names).cast(PLACEMENT))


def _assigned(db: duckdb.DuckDBPyConnection, groups: Groups, assign: Assign, min_tokens: int) -> pa.Table:
    """``label`` and ``rank`` of each group without a published page."""
    seeds = ", ".join(f"count(*) FILTER (kind = '{kind}' AND n_tokens >= $least) AS \"{kind}\"" for kind in KINDS)
    found = arrow(db, _TAKEN.format(seeds=seeds), {"least": min_tokens}).to_pylist()
    by_rank: dict[int, dict[str, Any]] = {row["rank"]: row for row in found}
    none = dict.fromkeys(("pages", "documents", *KINDS), 0)
    rows = [by_rank.get(rank, none) for rank in range(len(QA_SPLITS))]
    taken = Taken(
        np.array([[row["pages"], row["documents"]] for row in rows], np.int64),
        np.array([[row[kind] for kind in KINDS] for row in rows], np.int64),
    )
    new = arrow(db, "SELECT label FROM home WHERE low IS NULL ORDER BY label")["label"].combine_chunks()
    places = pa.array(np.flatnonzero(np.isin(groups.names.to_numpy(False), new.to_numpy(False))))
    added = Groups(groups.pages, groups.names.take(places), groups.sizes[places], groups.seeds[places])
    return pa.table({"label": added.names, "rank": pa.array(assign(added, taken))})


def _retire_alike(db: duckdb.DuckDBPyConnection, files: list[Path], similarity: Dedup, folder: Path) -> None:
    """Add to ``retired`` the documents that are similar to one of an earlier split, in the divided groups."""
    side = arrow(db, "SELECT page_id, rank::VARCHAR AS side FROM place WHERE divided")
    if not side.num_rows:
        return
    db.register("similar_pairs", pairs_between(files, side, similarity, folder))
    for rank in range(1, len(QA_SPLITS)):
        db.execute(_RETIRE_ALIKE.format(splits=string_list(QA_SPLITS), rank=rank))

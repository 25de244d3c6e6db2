"""Stage ``dedup``: equal content becomes one document, common text goes, documents alike share a cluster."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.clusters import find_clusters
from nyxqa.builders.engine.account import Account, Drop, ShardOutput
from nyxqa.builders.engine.duck import arrow, database, quoted
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import part_file, write_table
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.rows import DOCUMENTS
from nyxqa.schemas.recipe import Dedup

VERSION = 1
COMMON_AT_LEAST = 5

# One row per chunk, in the order of its shard.
VERDICTS = pa.schema(
    [
        ("reason", pa.string()),  # null for a chunk that stays
        ("detail", pa.string()),
        ("cluster", pa.string()),
        DOCUMENTS.field("also_at"),
    ]
)

_LOAD = """
CREATE TABLE chunk AS
SELECT list_position({files}, filename) - 1 AS shard, file_row_number AS row, place, doc_id, page_id, chunk, url,
       n_tokens, len(images) AS n_images, list_transform(images, lambda i: i.image_id) AS image_ids,
       md5(trim(replace(text, '<|image|>', ''), E' \\n\\t')) AS text_key,
       trim(replace(text, '<|image|>', ''), E' \\n\\t') <> '' AS has_text
FROM read_parquet({files}, filename = true, file_row_number = true)
"""

# A text on so many pages is boilerplate: one document keeps it, and its pages are not joined by it.
_COMMON = """
CREATE TABLE common AS
SELECT text_key, arg_min(place, (-n_images, -n_tokens, doc_id, shard, row)) AS stays
FROM chunk WHERE has_text GROUP BY text_key HAVING count(DISTINCT page_id) > $limit
"""

_VERDICT = """
CREATE TABLE verdict AS
SELECT c.*, first_value(place) OVER same AS first_place, common.stays,
       CASE WHEN common.stays IS NOT NULL AND place <> common.stays THEN 'common_text'
            WHEN common.stays IS NULL AND place <> first_place THEN 'same_content' END AS reason,
       CASE reason WHEN 'common_text' THEN 'stays at ' || common.stays
                   WHEN 'same_content' THEN 'document ' || doc_id || ' stays at ' || first_place
                   ELSE '' END AS detail
FROM chunk c LEFT JOIN common ON c.has_text AND common.text_key = c.text_key
WINDOW same AS (PARTITION BY doc_id ORDER BY shard, row)
"""

_ALSO_AT = """
CREATE TABLE also AS
SELECT first_place AS place,
       list({'page_id': page_id, 'chunk': chunk, 'url': url} ORDER BY shard, row) AS also_at
FROM verdict WHERE reason = 'same_content' GROUP BY first_place
"""

_SHARD = """
SELECT v.reason, v.detail, cluster.cluster, coalesce(also.also_at, []) AS also_at
FROM verdict v LEFT JOIN also USING (place) LEFT JOIN cluster ON v.reason IS NULL AND cluster.doc_id = v.doc_id
WHERE v.shard = $shard ORDER BY v.row
"""


def dedup(run: Run, chunks: Parts, settings: Dedup) -> Parts:
    """Give every document one place and a cluster; drop copies and common text with the place that stays."""
    step = Step("dedup/verdicts", VERSION, {"dedup": settings}, (chunks.fingerprint,))
    verdicts = run.whole(step, partial(write_verdicts, chunks, settings))
    apply = Step("dedup", VERSION, {}, (verdicts.fingerprint,), unit_in="document", unit_out="document")
    return run.map(apply, dedup_shard, lambda: list(zip(chunks.files(), verdicts.files(), strict=True)), DOCUMENTS)


def write_verdicts(chunks: Parts, settings: Dedup, folder: Path) -> None:
    """Decide over all chunks; one file of VERDICTS for each of their shards."""
    files = chunks.files()
    with database(folder) as db:
        db.execute(_LOAD.format(files=quoted(files)))
        pages = db.execute("SELECT count(DISTINCT page_id) FROM chunk").fetchall()[0][0]
        db.execute(_COMMON, {"limit": max(COMMON_AT_LEAST, settings.common * pages)})
        db.execute(_VERDICT)
        db.execute(_ALSO_AT)
        find_clusters(db, settings)
        for shard in range(len(files)):
            table = arrow(db, _SHARD, {"shard": shard}).cast(VERDICTS)
            write_table(part_file(folder, shard), table)


def dedup_shard(task: tuple[Path, Path]) -> ShardOutput:
    """Documents of one shard that stay."""
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

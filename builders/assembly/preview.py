"""Table ``preview``: some train triplets joined with their documents, for the Hub's viewer."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.assembly.inputs import Assembly, Packs
from nyxqa.builders.assembly.published_rows import image_structs, triplet_rows
from nyxqa.builders.engine.database import arrow_rows
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.tables import PREVIEW_NEGATIVES, WEB

if TYPE_CHECKING:
    import duckdb

ROWS = 200
_BATCH = 10_000
_WEB_IDS = "SELECT qa_id AS query_id FROM question WHERE split = 'train' AND reason IS NULL AND answerable"
_SET_IDS = "SELECT query_id FROM entry WHERE split = 'train' AND reason IS NULL AND positive_id <> ''"
_DOCUMENTS = """
SELECT pool, source, document.doc_id AS doc_id, document."row" AS "row", document."text" AS "text",
       document.images AS images
FROM (SELECT pool, source, unnest(documents) AS document FROM entry
      WHERE split = 'train' AND reason IS NULL AND query_id IN (SELECT query_id FROM chosen))
"""

Sides = dict[tuple[str, str], dict[str, Any]]


def preview_rows(db: duckdb.DuckDBPyConnection, assembly: Assembly, packs: Packs) -> Iterator[dict[str, Any]]:
    """At most 200 train triplets, chosen by keyed hash, joined with their documents, by (dataset, query_id)."""
    query = f"{_SET_IDS} UNION ALL {_WEB_IDS}" if assembly.web is not None else _SET_IDS
    ids = (row["query_id"] for row in arrow_rows(db, query, _BATCH))
    seed = assembly.recipe.seed
    chosen = heapq.nsmallest(ROWS, ids, key=lambda i: (keyed_hash(seed, "preview", i), i))
    db.execute("CREATE TABLE chosen (query_id VARCHAR)")
    if chosen:
        db.executemany("INSERT INTO chosen VALUES (?)", [(one,) for one in chosen])
    triplets = list(triplet_rows(db, "train", packs, chosen=True))
    sides = {**_web_sides(assembly, packs, triplets), **_set_sides(db, assembly, packs)}
    for row in triplets:
        yield _flat(row, sides)


def _web_sides(assembly: Assembly, packs: Packs, triplets: list[dict[str, Any]]) -> Sides:
    if assembly.web is None:
        return {}
    wanted = pa.array(sorted({doc for row in triplets if row["pool"] == WEB for doc in _shown(row)}), pa.string())
    sides: Sides = {}
    for file in assembly.web.documents.files():
        found = pc.is_in(pq.read_table(file, columns=["doc_id"])["doc_id"], wanted)
        if pc.any(found).as_py():
            for row in pq.read_table(file, columns=["doc_id", "text", "images"]).filter(found).to_pylist():
                side = {"text": row["text"], "images": image_structs(row["images"], packs.web())}
                sides[WEB, row["doc_id"]] = side
    return sides


def _shown(triplet: Mapping[str, Any]) -> list[str]:
    """Documents that its row shows."""
    return [triplet["positive_id"], *triplet["negative_ids"][: len(PREVIEW_NEGATIVES)]]


def _set_sides(db: duckdb.DuckDBPyConnection, assembly: Assembly, packs: Packs) -> Sides:
    pools = {pool.name: PassagePool(pool.folder) for pool in assembly.sets.pools}
    sides: Sides = {}
    for row in arrow_rows(db, _DOCUMENTS, _BATCH):
        if row["row"] is None:
            images = image_structs(row["images"], packs.of_set(row["source"])) if row["images"] else []
            text = row["text"]
        else:
            pool = pools[row["pool"]]
            passage = pool[row["row"]]
            text, images = passage.text, image_structs(passage.images, pool.packs)
        sides[row["pool"], row["doc_id"]] = {"text": text, "images": images}
    return sides


def _flat(triplet: Mapping[str, Any], sides: Sides) -> dict[str, Any]:
    """A triplet with the contents of its positive and first negatives in columns of their own."""
    pool = triplet["pool"]
    row = {name: triplet[name] for name in ("query_id", "dataset", "query", "query_images", "answers", "positive_id")}
    positive = sides[pool, triplet["positive_id"]]
    row |= {"positive": positive["text"], "positive_images": positive["images"]}
    for number in PREVIEW_NEGATIVES:
        name, there = f"negative_{number}", number <= len(triplet["negative_ids"])
        doc = triplet["negative_ids"][number - 1] if there else ""
        side = sides[pool, doc] if there else {"text": "", "images": []}
        row |= {
            f"{name}_id": doc,
            name: side["text"],
            f"{name}_images": side["images"],
            f"{name}_score": triplet["negative_scores"][number - 1] if there else None,
        }
    return row

"""The preview: some train triplets in joined form, for the Hub's viewer and for eyes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nyxqa.builders.assembly.inputs import WebInputs
from nyxqa.builders.assembly.rows import image_structs, question_rows, triplet_row
from nyxqa.builders.images.pack import PackReader
from nyxqa.schemas.chance import lot
from nyxqa.schemas.tables import PREVIEW

if TYPE_CHECKING:
    import duckdb

ROWS = 200


def preview_rows(db: duckdb.DuckDBPyConnection, web: WebInputs, seed: int) -> Iterator[dict[str, Any]]:
    """At most 200 train triplets, chosen by keyed hash, joined with their documents, by (dataset, query_id)."""
    ids = [row[0] for row in db.execute("SELECT qa_id FROM question WHERE split='train' AND reason IS NULL").fetchall()]
    chosen = set(heapq.nsmallest(ROWS, ids, key=lambda i: (lot(seed, "preview", i), i)))
    reader = PackReader(web.packs)
    triplets = [triplet_row(row) for row in question_rows(db, "train", reader) if row["qa_id"] in chosen]
    wanted = {doc for row in triplets for doc in (row["positive_id"], *row["negative_ids"])}
    sides = {
        row["doc_id"]: {"text": row["text"], "images": image_structs(row["images"], reader)}
        for row in web.documents.rows(["doc_id", "text", "images"])
        if row["doc_id"] in wanted
    }
    for row in triplets:
        yield _joined(row, sides)


def _joined(triplet: Mapping[str, Any], sides: Mapping[str, Any]) -> dict[str, Any]:
    own = {
        "query": {"text": triplet["query"], "images": triplet["query_images"]},
        "positive": sides[triplet["positive_id"]],
        "negatives": [sides[doc] for doc in triplet["negative_ids"]],
    }
    return {**{name: triplet[name] for name in PREVIEW.schema.names if name not in own}, **own}

"""Check of the preview: each row equals its triplet joined with its documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from nyxqa.builders.check.context import CheckContext, record_failures
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.ids import image_id

_SIDES = pa.schema(
    [
        ("place", pa.string()),
        ("pool", pa.string()),
        ("dataset", pa.string()),
        ("query_id", pa.string()),
        ("doc_id", pa.string()),  # empty for the query
        ("text", pa.string()),
        ("image_ids", pa.list_(pa.string())),
    ]
)
_IMAGE_IDS = {"side": "side.image_ids", "document": "c.image_ids", "query": "t.query_image_ids"}
_DIFFERENT = """
    SELECT place || ' differs from its document' AS example FROM side JOIN corpus c USING (pool, doc_id)
    WHERE (side.text, {side}) IS DISTINCT FROM (c.text, {document})
    UNION ALL
    SELECT place || ' differs from its triplet' FROM side JOIN triplets t USING (dataset, query_id)
    WHERE doc_id = '' AND t.split = 'train'
      AND (side.text, {side}) IS DISTINCT FROM (t.query, {query})
    UNION ALL
    SELECT 'preview ' || query_id || ': columns differ from its triplet' FROM preview p
    JOIN triplets t USING (dataset, query_id)
    WHERE t.split = 'train' AND (p.pool, p.instruction, p.query_image_ids, p.answers, p.positive_id, p.positives,
        p.negative_ids, p.negative_ranks, p.negative_scores, p.miner, p.kind)
      IS DISTINCT FROM (t.pool, t.instruction, t.query_image_ids, t.answers, t.positive_id, t.positives,
        t.negative_ids, t.negative_ranks, t.negative_scores, t.miner, t.kind)
"""


def check_preview(context: CheckContext) -> None:
    """Compare every row of ``preview`` with ``triplets`` and ``corpus``."""
    if not context.ready(("preview",), "content", "aligned_lists", "nulls"):
        context.ready(("preview",), "preview_rows")
        return
    sides = [side for _, row in context.rows("preview") for side in _sides(context, row)]
    if context.ready(("preview", "triplets", "corpus"), "preview_rows"):
        context.db.register("side", pa.Table.from_pylist(sides, schema=_SIDES))
        # An address gives no image id: for images published by address only their number is compared.
        images = {name: f"len({column})" if context.by_address else column for name, column in _IMAGE_IDS.items()}
        record_failures(context, "preview_rows", _DIFFERENT.format(**images))


def _sides(context: CheckContext, row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    where = f"preview {row['query_id']}"
    if len(row["negatives"]) != len(row["negative_ids"]):
        counts = f"{len(row['negatives'])} negatives but {len(row['negative_ids'])} negative_ids"
        context.findings.fail("aligned_lists", f"{where}: {counts}")
    sides = [("query", "", row["query"]), ("positive", row["positive_id"], row["positive"])]
    sides += [("negative", doc, side) for doc, side in zip(row["negative_ids"], row["negatives"], strict=False)]
    for name, doc, side in sides:
        if (placeholders := side["text"].count(PLACEHOLDER)) != len(side["images"]):
            counts = f"{placeholders} placeholders but {len(side['images'])} images"
            context.findings.fail("content", f"{where} {name} {doc}: {counts}")
        yield {
            "place": f"{where} {name} {doc}".strip(),
            "pool": row["pool"],
            "dataset": row["dataset"],
            "query_id": row["query_id"],
            "doc_id": doc,
            "text": side["text"],
            "image_ids": [image_id(image["bytes"] or b"") for image in side["images"]],
        }

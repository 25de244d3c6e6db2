"""Check of the preview: each row equals its triplet joined with its documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from nyxqa.builders.check.context import CheckContext, record_failures
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.ids import image_id
from nyxqa.schemas.tables import PREVIEW_NEGATIVES

_SIDES = pa.schema(
    [
        ("place", pa.string()),
        ("dataset", pa.string()),
        ("query_id", pa.string()),
        ("doc_id", pa.string()),  # empty for the query
        ("text", pa.string()),
        ("image_ids", pa.list_(pa.string())),
    ]
)
_IMAGE_IDS = {"side": "side.image_ids", "document": "c.image_ids", "query": "t.query_image_ids"}
_DIFFERENT = """
    SELECT place || ' differs from its document' AS example
    FROM side JOIN (SELECT dataset, query_id, pool FROM triplets WHERE split = 'train') t USING (dataset, query_id)
    JOIN corpus c ON c.pool = t.pool AND c.doc_id = side.doc_id
    WHERE (side.text, {side}) IS DISTINCT FROM (c.text, {document})
    UNION ALL
    SELECT place || ' differs from its triplet' FROM side JOIN triplets t USING (dataset, query_id)
    WHERE doc_id = '' AND t.split = 'train'
      AND (side.text, {side}) IS DISTINCT FROM (t.query, {query})
    UNION ALL
    SELECT 'preview ' || query_id || ': columns differ from its triplet' FROM preview p
    JOIN triplets t USING (dataset, query_id)
    WHERE t.split = 'train' AND (p.answers, p.positive_id, {shown})
      IS DISTINCT FROM (t.answers, t.positive_id, {stored})
"""
_SHOWN = ", ".join(f"p.negative_{number}_id, p.negative_{number}_score" for number in PREVIEW_NEGATIVES)
_STORED = ", ".join(
    f"coalesce(t.negative_ids[{number}], ''), t.negative_scores[{number}]" for number in PREVIEW_NEGATIVES
)


def check_preview(context: CheckContext) -> None:
    """Compare every row of ``preview`` with ``triplets`` and ``corpus``."""
    if not context.ready(("preview",), "content", "nulls"):
        context.ready(("preview",), "preview_rows")
        return
    sides = [side for _, row in context.rows("preview") for side in _sides(context, row)]
    if context.ready(("preview", "triplets", "corpus"), "preview_rows"):
        context.db.register("side", pa.Table.from_pylist(sides, schema=_SIDES))
        # An address gives no image id: for images published by address only their number is compared.
        images = {name: f"len({column})" if context.by_address else column for name, column in _IMAGE_IDS.items()}
        record_failures(context, "preview_rows", _DIFFERENT.format(**images, shown=_SHOWN, stored=_STORED))


def _sides(context: CheckContext, row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    where = f"preview {row['query_id']}"
    names = ("query", "positive", *(f"negative_{number}" for number in PREVIEW_NEGATIVES))
    for name in names:
        doc = "" if name == "query" else row[f"{name}_id"]
        text, images = row[name], row[f"{name}_images"]
        if (placeholders := text.count(PLACEHOLDER)) != len(images):
            counts = f"{placeholders} placeholders but {len(images)} images"
            context.findings.fail("content", f"{where} {name} {doc}: {counts}")
        if not doc and name != "query":
            if text or images:
                context.findings.fail("content", f"{where} {name}: content without an id")
            continue
        yield {
            "place": f"{where} {name} {doc}".strip(),
            "dataset": row["dataset"],
            "query_id": row["query_id"],
            "doc_id": doc,
            "text": text,
            "image_ids": [image_id(image["bytes"] or b"") for image in images],
        }

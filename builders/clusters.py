"""Clusters: documents alike in text or in an image, joined transitively."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from nyxqa.builders.components import components
from nyxqa.builders.engine.duck import arrow
from nyxqa.schemas.recipe import Dedup

if TYPE_CHECKING:
    import duckdb

# Every document that stays, numbered by its id, so that the smallest number is the smallest id.
_NODES = """
CREATE TABLE node AS
SELECT row_number() OVER (ORDER BY doc_id) - 1 AS node, doc_id, text_key, has_text, image_ids
FROM verdict WHERE reason IS NULL
"""

# Edges between documents of equal text, and between documents that share an image: each to the first of its kind.
_EDGES = """
WITH mark AS (
    SELECT node, text_key AS key FROM node WHERE has_text
    UNION ALL SELECT node, unnest(image_ids) AS key FROM node
)
SELECT min(node) OVER (PARTITION BY key) AS a, node AS b FROM mark QUALIFY a < b ORDER BY a, b
"""


def find_clusters(db: duckdb.DuckDBPyConnection, settings: Dedup) -> None:
    """Make table ``cluster`` (doc_id, cluster) from table ``verdict``; a cluster bears its smallest doc_id."""
    db.execute(_NODES)
    edges = arrow(db, _EDGES)
    ids = arrow(db, "SELECT doc_id FROM node ORDER BY node")["doc_id"]
    left, right = (edges[name].to_numpy().astype(np.int64) for name in ("a", "b"))
    labels = components(len(ids), left, right)
    found = pa.table({"doc_id": ids, "cluster": ids.take(pa.array(labels))})
    db.register("found", found)
    db.execute("CREATE TABLE cluster AS SELECT * FROM found")
    db.unregister("found")

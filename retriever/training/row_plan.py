"""What a plan knows of the rows to train on, from stored columns: no image is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.retriever.protocols import ModelInput
from nyxqa.retriever.training.batches import PlanRows
from nyxqa.retriever.training.examples import Example, Row, read_example
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.loading.join import Joiner

# Lengths only deal the rows of a batch to devices, so an estimate does: bytes of a token, and tokens of an image.
_TOKEN_BYTES = 4
_IMAGE_TOKENS = 256
Lengths = npt.NDArray[np.int64]


def plan_rows(rows: Sequence[Row | Example]) -> PlanRows:
    """Dataset, name and length of each row.

    Rows of ``nyxqa.load`` are measured by the columns of their tables, a million in seconds; others are read once.
    """
    stored = _stored(rows)
    if stored is not None:
        datasets, ids = (stored[0].column(name).to_pylist() for name in ("dataset", "query_id"))
        return PlanRows.of(datasets, ids, _lengths(*stored))
    examples = [read_example(rows[row]) for row in range(len(rows))]
    return PlanRows.of(
        (one.dataset for one in examples),
        (one.id for one in examples),
        (_length(one.query) + sum(_length(document.content) for document in one.positives) for one in examples),
    )


def _length(content: ModelInput) -> int:
    return len(content.text.encode("utf-8", "replace")) // _TOKEN_BYTES + _IMAGE_TOKENS * len(content.images)


def _stored(rows: Any) -> tuple[pa.Table, Joiner] | None:
    """The columns that length follows from, in row order, and the join of ``nyxqa.load``; None for other rows."""
    join = getattr(rows, "_join", None)
    if not isinstance(join, Joiner) or "query" not in rows.column_names:
        return None
    names = [
        name
        for name in ("dataset", "query_id", "pool", "query", "positive_id", "positive_ids")
        if name in rows.column_names
    ]
    table: pa.Table = rows.data.table.select(names)
    indices = rows._indices
    if indices is not None:
        table = table.take(indices.column(0))
    return table, join


def _lengths(table: pa.Table, join: Joiner) -> Lengths:
    """About how many tokens a row's query and first positive cost, int64 [rows]."""
    query = table.column("query")
    total = _costs(pa.chunked_array([chunk.field("text") for chunk in query.chunks], pa.string()))
    if "positive_id" in table.column_names:
        wanted = table.column("positive_id")
    else:
        wanted = pc.list_element(table.column("positive_ids"), 0)
    return total + _documents(wanted, join)


def _documents(wanted: pa.ChunkedArray, join: Joiner) -> Lengths:
    found = np.zeros(len(wanted), dtype=np.int64)
    for pool in join.documents.published.manifest.splits("corpus"):
        documents = join.documents.pool(pool)
        if documents is None:
            continue
        lengths = _costs(documents.table.column("text"))
        rows = pc.index_in(wanted, value_set=documents.table.column("doc_id").combine_chunks())
        places = _numbers(pc.fill_null(rows, -1))
        found = np.where(places >= 0, lengths[places], found)
    return found


def _costs(texts: pa.ChunkedArray) -> Lengths:
    """About how many tokens texts with placeholders cost, as many images as placeholders."""
    images = _numbers(pc.count_substring(texts, PLACEHOLDER))
    return _numbers(pc.binary_length(texts)) // _TOKEN_BYTES + _IMAGE_TOKENS * images


def _numbers(values: pa.ChunkedArray) -> Lengths:
    numbers: Lengths = pc.fill_null(values, 0).to_numpy().astype(np.int64)
    return numbers

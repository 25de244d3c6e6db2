"""Layouts of rows in the memory-mapped Arrow files.

``stored`` has the columns of the Parquet files, ``plain`` the same without image bytes. The joined layouts hold each
side of a row as a struct: a *reference*, in which ``text`` and ``images`` are null, names its document (``doc_id``,
``pool``) or triplet (``query_id``) and is looked up on access. So no column of a joined dataset needs another one.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.schemas.columns import IMAGE

Batch: TypeAlias = pa.RecordBatch
IMAGES = pa.list_(IMAGE)
IMAGE_IDS = pa.list_(pa.string())


def without_images(kind: pa.DataType) -> pa.DataType | None:
    """The type without the images in it; None if nothing remains."""
    if kind.equals(IMAGE):
        return None
    if pa.types.is_list(kind):
        item = without_images(kind.value_type)
        return None if item is None else pa.list_(item)
    if pa.types.is_struct(kind):
        fields = [(kind.field(i).name, without_images(kind.field(i).type)) for i in range(kind.num_fields)]
        remaining = [(name, inner) for name, inner in fields if inner is not None]
        return pa.struct(remaining) if remaining else None
    return kind


def plain_columns(schema: pa.Schema) -> list[str]:
    """Columns that hold more than images."""
    return [column.name for column in schema if without_images(column.type) is not None]


def plain(batch: Batch) -> Batch:
    """The batch without image columns and without images inside its structs."""
    names = plain_columns(batch.schema)
    return _batch({name: _pruned(batch.column(name)) for name in names})


def joined_triplets(batch: Batch, with_bytes: bool) -> Batch:
    """Triplets with ``query`` as content and ``positive`` and ``negatives`` as references."""
    columns = _columns(batch)
    images = columns.pop("query_images", None) if with_bytes else columns["query_image_ids"]
    columns.pop("query_images", None)
    columns["query"] = _struct({"text": columns["query"], "images": images})
    pool, negatives = columns["pool"], columns["negative_ids"]
    one = references(columns["positive_id"], pool, with_bytes)
    flat = references(negatives.flatten(), pool.take(pc.list_parent_indices(negatives)), with_bytes)
    _insert(columns, "positive_id", "positive", one)
    _insert(columns, "negative_ids", "negatives", _like_list(negatives, flat))
    return _batch(columns)


def joined_qa(batch: Batch, with_bytes: bool) -> Batch:
    """Questions with their ``document`` as a reference into its pool; null where no document is known to answer."""
    columns = _columns(batch if with_bytes else plain(batch))
    named = references(columns["doc_id"], columns["pool"], with_bytes)
    fields = [named.field(i) for i in range(named.type.num_fields)]
    unknown = pc.equal(columns["doc_id"], "")
    _insert(columns, "doc_id", "document", pa.StructArray.from_arrays(fields, fields=list(named.type), mask=unknown))
    return _batch(columns)


def joined_mixture(batch: Batch, triplets: Batch, with_bytes: bool) -> Batch:
    """Mixture rows, each with all columns of its joined triplet; the images of queries are not copied."""
    columns = _columns(batch)
    for name, column in _columns(triplets).items():
        if name not in columns:
            columns[name] = _question(triplets, with_bytes) if name == "query" else column
    return _batch(columns)


def joined_feedback(batch: Batch, triplets: Batch, with_bytes: bool) -> Batch:
    """Feedback rows with ``query`` and ``instruction`` of their triplet, candidates as references into its pool."""
    columns = _columns(batch)
    listed = columns["candidates"]
    flat = listed.flatten()
    pool = triplets.column("pool").take(pc.list_parent_indices(listed))
    named = references(flat.field("doc_id"), pool, with_bytes)
    fields = {name: named.field(name) for name in ("text", "images", "pool")}
    fields.update({flat.type.field(i).name: flat.field(i) for i in range(flat.type.num_fields)})
    columns["candidates"] = _like_list(listed, _struct(fields))
    _insert(columns, "dataset", "query", _question(triplets, with_bytes))
    _insert(columns, "dataset", "instruction", triplets.column("instruction"))
    return _batch(columns)


def references(doc_ids: pa.Array, pools: pa.Array, with_bytes: bool) -> pa.StructArray:
    """Structs that name documents, aligned with ``doc_ids``; ``text`` and ``images`` are null."""
    rows = len(doc_ids)
    images = IMAGES if with_bytes else IMAGE_IDS
    return _struct(
        {"text": pa.nulls(rows, pa.string()), "images": pa.nulls(rows, images), "doc_id": doc_ids, "pool": pools}
    )


def without_query_images(triplets: pa.Table) -> pa.Table:
    """Joined triplets whose ``query`` holds the ``count`` of its images instead of them; no bytes are read."""
    query = triplets.column("query")
    kind = pa.struct([("text", pa.string()), ("count", pa.int32())])
    light = [
        _struct({"text": chunk.field("text"), "count": pc.list_value_length(chunk.field("images"))})
        for chunk in query.chunks
    ]
    return triplets.set_column(triplets.schema.names.index("query"), "query", pa.chunked_array(light, type=kind))


def asked_questions(questions: pa.Table, with_bytes: bool) -> pa.Table:
    """Stored rows of ``qa`` as what ``joined_feedback`` needs of triplets."""
    table = questions.combine_chunks()
    image_ids = table.column("image_ids").combine_chunks()
    counts = pc.list_value_length(image_ids).cast(pa.int32())
    images = {"count": counts} if with_bytes else {"images": image_ids}
    query = _struct({"text": table.column("question").combine_chunks(), **images})
    return pa.table(
        {
            "query_id": table.column("qa_id"),
            "pool": table.column("pool"),
            "instruction": pa.array([""] * table.num_rows, pa.string()),
            "query": query,
        }
    )


def _question(triplets: Batch, with_bytes: bool) -> pa.StructArray:
    """The triplets' queries; one with image bytes holds a reference instead of a copy of them."""
    query = triplets.column("query")
    if with_bytes:
        counts = query.field("count")
        offsets = pa.array([0] * (len(counts) + 1), pa.int32())
        nothing = pa.array([], IMAGE)
        images = pa.ListArray.from_arrays(offsets, nothing, mask=pc.greater(counts, 0))
    else:
        images = query.field("images")
    return _struct({"text": query.field("text"), "images": images, "query_id": triplets.column("query_id")})


def _columns(batch: Batch) -> dict[str, pa.Array]:
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def _batch(columns: dict[str, pa.Array]) -> Batch:
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _struct(fields: dict[str, pa.Array]) -> pa.StructArray:
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields))


def _insert(columns: dict[str, pa.Array], after: str, name: str, column: pa.Array) -> None:
    """Insert ``name`` directly after the column ``after``."""
    position = list(columns).index(after) + 1
    items = list(columns.items())
    columns.clear()
    columns.update([*items[:position], (name, column), *items[position:]])


def _like_list(shape: pa.ListArray, values: pa.Array) -> pa.ListArray:
    """``values`` in lists as long as those of ``shape``."""
    lengths = pc.fill_null(pc.list_value_length(shape), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _pruned(column: pa.Array) -> pa.Array:
    target = without_images(column.type)
    if target is None or target.equals(column.type):
        return column
    if pa.types.is_list(column.type):
        return _like_list(column, _pruned(column.flatten()))
    names = [target.field(i).name for i in range(target.num_fields)]
    return _struct({name: _pruned(column.field(name)) for name in names})

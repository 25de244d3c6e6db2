"""Joined rows written out whole: an Arrow file in the cache that needs no look-up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nyxqa.schemas.columns import IMAGE
from nyxqa.schemas.loading.arrow_copy import made_once
from nyxqa.schemas.loading.arrow_layouts import IMAGES
from nyxqa.schemas.loading.joined_content import ImagesMode
from nyxqa.schemas.loading.published import Published

if TYPE_CHECKING:
    from datasets import Dataset

    from nyxqa.schemas.loading.joined_dataset import JoinedDataset

_ROWS = 16  # joined rows in memory at a time
_IMAGE_TYPES: dict[ImagesMode, pa.DataType] = {"decode": IMAGE, "bytes": pa.binary(), "none": pa.string()}
_HIDDEN = ("pool", "query_id")  # fields of a reference that a joined row does not show


def written_whole(published: Published, name: str, split: str, rows: JoinedDataset, images: ImagesMode) -> Dataset:
    """The rows with their contents, from a file in the cache that is made on first use.

    :param rows: Joined rows with images as ``bytes``, or ``none``; they say how many negatives a row has.
    :param images: How images are given.
    """
    from datasets import Dataset, DatasetInfo, NamedSplit

    from nyxqa.schemas.loading.features import features_of

    schema = whole_schema(rows.data.schema, _IMAGE_TYPES[images])
    info = DatasetInfo(features=features_of(schema, decode=True))
    if not len(rows):
        return Dataset(schema.empty_table(), info=info, split=NamedSplit(split))
    most = rows.format["format_kwargs"]["transform"].max_negatives
    stem = f"whole-{images}" + ("" if most is None else f"-{most}")
    file = made_once(published, name, split, stem, lambda: _batches(rows, schema))
    return Dataset.from_file(str(file), info=info, split=NamedSplit(split))


def whole_schema(stored: pa.Schema, image: pa.DataType) -> pa.Schema:
    """The schema of joined rows whose stored form is ``stored``.

    :param image: Type of one image.
    """
    return pa.schema([(column.name, _whole(column.type, image)) for column in stored.remove_metadata()])


def _whole(kind: pa.DataType, image: pa.DataType) -> pa.DataType:
    if kind.equals(IMAGES):
        return pa.list_(image)
    if pa.types.is_list(kind):
        return pa.list_(_whole(kind.value_type, image))
    if not pa.types.is_struct(kind):
        return kind
    names = {field.name for field in kind}
    hidden = {*_HIDDEN, *([] if "rank" in names else ["doc_id"])} if {"text", "images"} <= names else set()
    fields = [(field.name, _whole(field.type, image)) for field in kind if field.name not in hidden]
    if "images" in names and "text" in names:
        fields = [(name, pa.list_(image) if name == "images" else inner) for name, inner in fields]
    return pa.struct(fields)


def _batches(rows: JoinedDataset, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in rows.iter(_ROWS):
        columns = {name: [_stored(value, schema.field(name).type) for value in batch[name]] for name in schema.names}
        yield pa.RecordBatch.from_pydict(columns, schema=schema)


def _stored(value: Any, kind: pa.DataType) -> Any:
    """A value of a joined row in the form of its type: bytes of an image become a stored image."""
    if kind.equals(IMAGE):
        return {"bytes": value, "path": None} if isinstance(value, bytes) else value
    if pa.types.is_list(kind) and value is not None:
        return [_stored(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind) and value is not None:
        return {field.name: _stored(value[field.name], field.type) for field in kind}
    return value

"""Whether the images of stored rows are what a build stores: bytes of a known format, or a web address."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.images.formats import format_hint, image_format
from nyxqa.schemas.tables import IMAGE

_HEAD = 16  # bytes that tell the format


def require_images(batch: pa.RecordBatch, where: str, by_address: bool) -> None:
    """Refuse images that a build does not store: they would be opened by whatever Pillow has for them.

    :param where: Table and split, for the error.
    :param by_address: Whether the dataset is published by address, so that an image may have one instead of bytes.
    :raises FormatError: If an image has bytes of another format, or neither bytes nor a permitted address.
    """
    for name, images in _images(batch):
        data, paths = images.field("bytes"), images.field("path")
        for head in pc.unique(pc.binary_slice(data.drop_null(), 0, _HEAD)).to_pylist():
            if image_format(head) is None:
                row = _row_with(batch, name, partial(_starts_with, head))
                raise FormatError(f"{where}, {row}column {name}: an image of {format_hint(head)}; it is not opened")
        for path in pc.unique(paths.filter(data.is_null())).to_pylist():
            if not (by_address and path is not None and path.lower().startswith(("http://", "https://"))):
                row = _row_with(batch, name, lambda image: image["bytes"] is None)
                what = f"an image without bytes, at {path!r:.80}"
                raise FormatError(f"{where}, {row}column {name}: {what}; it is not opened")


def _starts_with(head: bytes, image: Mapping[str, Any]) -> bool:
    return bytes(image["bytes"] or b"").startswith(head)


def _row_with(batch: pa.RecordBatch, name: str, wrong: Callable[[Any], bool]) -> str:
    """The name of the first row whose column holds such an image; "" if rows have no names."""
    key = next((one for one in ("doc_id", "qa_id", "query_id") if one in batch.schema.names), None)
    if key is None:
        return ""
    for row in batch.select([key, name]).to_pylist():
        if any(wrong(image) for image in _stored(row[name])):
            return f"row {row[key]}, "
    return ""


def _stored(value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and value.keys() == {"bytes", "path"}:
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _stored(item)


def _images(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.StructArray]]:
    """Every image of a batch, with the column that it lies in."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        yield from ((name, images) for images in _inside(column))


def _inside(column: pa.Array) -> Iterator[pa.StructArray]:
    kind = column.type
    if kind.equals(IMAGE):
        yield column.filter(column.is_valid())
    elif pa.types.is_list(kind):
        yield from _inside(column.flatten())
    elif pa.types.is_struct(kind):
        for index in range(kind.num_fields):
            yield from _inside(column.field(index))

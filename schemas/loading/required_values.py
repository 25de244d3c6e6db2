"""What stored rows must hold: parts that must not be null, and images as a build stores them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.schemas.columns import IMAGE, Table
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.images.formats import format_hint, image_format

# Parts of lists and structs that are null where something was not retrieved, not answered, or has no URL.
_NULLABLE_INSIDE = frozenset(
    (
        "negative_ranks[]",
        "negative_scores[]",
        "positives[].rank",
        "positives[].score",
        "candidates[].rank",
        "candidates[].score",
        "candidates[].prediction",
        "candidates[].f1",
        "candidates[].correct",
        "closed_book.prediction",
        "closed_book.f1",
        "closed_book.correct",
        "also_at[].url",
        "image_urls[]",
    )
)

_HEAD = 16  # bytes that tell the format


def null_counts(table: Table, batch: pa.RecordBatch, by_address: bool) -> Iterator[tuple[str, int]]:
    """Path and number of the nulls where none may be, in the declared columns that ``batch`` has and inside them.

    :param by_address: Whether an image may have an address instead of bytes.
    """
    for column in table.schema.names:
        if column not in table.nullable and column in batch.schema.names:
            for path, count in _inside(column, batch.column(column), by_address):
                if count:
                    yield path, count


def complete_rows(table: Table, batch: pa.RecordBatch, by_address: bool) -> pa.RecordBatch:
    """The rows of ``batch`` whose values and list items are there where they must be."""
    complete = pa.array([True] * batch.num_rows)
    for path, _ in null_counts(table, batch, by_address):
        if _is_read_unseen(path):
            complete = pc.and_(complete, pc.invert(_rows_with_null(path, batch)))
    return batch.filter(complete)


def require_values(table: Table, batch: pa.RecordBatch, where: str) -> None:
    """Refuse rows that lack a value which every reader takes for granted.

    :param where: Table and split, for the error.
    :raises FormatError: Naming the first such row and its column.
    """
    for path, _ in null_counts(table, batch, by_address=True):
        if _is_read_unseen(path):
            row = pc.index(_rows_with_null(path, batch), True).as_py()
            key = next((one for one in ("doc_id", "qa_id", "query_id") if one in batch.schema.names), None)
            name = None if key is None else batch.column(key)[row].as_py()
            raise FormatError(f"{where}, row {row if name is None else name}: null in {path}; build the dataset again")


def _is_read_unseen(path: str) -> bool:
    """Whether the path is a column, an item of its list, or names a document."""
    return "." not in path or path.endswith(".doc_id")


def _rows_with_null(path: str, batch: pa.RecordBatch) -> pa.Array:
    """Whether each row has a null at ``path``, bool [rows]."""
    column, _, rest = path.partition("[]")
    values = batch.column(column)
    if "[]" not in path:
        return values.is_null()
    items = values.flatten()
    missing = (items if not rest else items.field(rest.removeprefix("."))).is_null()
    rows = pc.list_parent_indices(values).filter(missing)
    return pc.is_in(pa.array(range(batch.num_rows)), rows.cast(pa.int64()))


def _inside(path: str, values: pa.Array, by_address: bool) -> Iterator[tuple[str, int]]:
    if values.type.equals(IMAGE):
        yield path, values.null_count
        values = values.drop_null()
        data, paths = values.field("bytes"), values.field("path")
        yield f"{path}.bytes", pc.coalesce(data, paths.cast(data.type)).null_count if by_address else data.null_count
        return
    if path not in _NULLABLE_INSIDE:
        yield path, values.null_count
    if pa.types.is_list(values.type):
        yield from _inside(f"{path}[]", values.flatten(), by_address)
    elif pa.types.is_struct(values.type):
        for index in range(values.type.num_fields):
            yield from _inside(f"{path}.{values.type.field(index).name}", values.field(index), by_address)


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
        yield from ((name, images) for images in _images_inside(column))


def _images_inside(column: pa.Array) -> Iterator[pa.StructArray]:
    kind = column.type
    if kind.equals(IMAGE):
        yield column.filter(column.is_valid())
    elif pa.types.is_list(kind):
        yield from _images_inside(column.flatten())
    elif pa.types.is_struct(kind):
        for index in range(kind.num_fields):
            yield from _images_inside(column.field(index))

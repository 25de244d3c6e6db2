"""Join Arrow rows; columns that hold references only are never converted to Python objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from nyxqa.schemas.loading.join import CONTENTS, KEYS, Joiner

_REFERENCE = {"text", "images", "doc_id", "pool"}
# Rows that are joined, and in memory, at a time if a column is not read one row at a time.
_BLOCK = 8


class _References(NamedTuple):
    """A flattened column of references.

    :param lengths: Lengths of its lists; None for one reference a row.
    """

    doc_ids: list[str]
    pools: list[str]
    lengths: list[int] | None


def joined_columns(rows: pa.Table, join: Joiner) -> dict[str, Iterable[Any]]:
    """The rows' columns as ``join`` returns them; contents are read while the columns are iterated over.

    :raises LawError: While iterating, if a document is missing.
    """
    later = [name for name in rows.column_names if name in CONTENTS and not _is_text(rows.column(name))]
    joined: dict[str, Iterable[Any]] = dict(join(rows.drop(later).to_pydict()))
    for name in later:
        references = _references(rows.column(name), join.max_negatives)
        joined[name] = _blocks(rows, name, join) if references is None else _contents(references, rows, join)
    return {name: joined[name] for name in rows.column_names}


def _is_text(contents: pa.ChunkedArray) -> bool:
    """Whether all contents are texts without images, which are as small as the values of other columns."""
    if not pa.types.is_struct(contents.type):
        return False
    return all(
        not chunk.null_count
        and not chunk.field("text").null_count
        and not chunk.field("images").null_count
        and not len(chunk.field("images").flatten())
        for chunk in contents.chunks
    )


def _blocks(rows: pa.Table, name: str, join: Joiner) -> Iterator[Any]:
    """One joined column, a few rows at a time."""
    needed = rows.select([one for one in rows.column_names if one == name or one in KEYS])
    for start in range(0, rows.num_rows, _BLOCK):
        yield from join(needed.slice(start, _BLOCK).to_pydict())[name]


def _references(column: pa.ChunkedArray, most: int | None) -> _References | None:
    """The references of a column; None if it holds any other value."""
    kind = column.type.value_type if pa.types.is_list(column.type) else column.type
    if not pa.types.is_struct(kind) or {field.name for field in kind} != _REFERENCE:
        return None
    whole = column.combine_chunks()
    flat, lengths = whole, None
    if pa.types.is_list(whole.type) and not whole.null_count:
        flat, lengths = whole.flatten(), whole.value_lengths().to_numpy()
    text, doc_ids = flat.field("text"), flat.field("doc_id")
    if whole.null_count or flat.null_count or doc_ids.null_count or text.null_count != len(text):
        return None
    if lengths is not None and most is not None:
        starts = np.cumsum(lengths) - lengths
        flat = flat.filter(pa.array(np.arange(len(flat)) - np.repeat(starts, lengths) < most))
        lengths = np.minimum(lengths, most)
    return _References(
        flat.field("doc_id").to_pylist(),
        flat.field("pool").to_pylist(),
        None if lengths is None else lengths.tolist(),
    )


def _contents(references: _References, rows: pa.Table, join: Joiner) -> Iterator[Any]:
    doc_ids, pools, lengths = references

    def name_of(row: int) -> str:
        key = next((key for key in KEYS if key in rows.column_names), None)
        return join.row_name(None if key is None else rows.column(key)[row])

    if lengths is None:
        return join.documents.find(doc_ids, pools, name_of)
    row_of = np.repeat(np.arange(rows.num_rows), lengths)
    found = join.documents.find(doc_ids, pools, lambda at: name_of(int(row_of[at])))
    return (list(islice(found, length)) for length in lengths)

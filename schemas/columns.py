"""How a table is declared: its columns, their Arrow types, and the features that ``datasets`` knows them by."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

_S, _I32, _I64, _F32, _B = pa.string(), pa.int32(), pa.int64(), pa.float32(), pa.bool_()
_DTYPES = {_S: "string", _I32: "int32", _I64: "int64", _F32: "float32", _B: "bool"}
# The storage type of ``datasets.Image()``: encoded bytes and a path; nyxqa always sets the bytes.
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@dataclass(frozen=True)
class Column:
    """A column's name, Arrow type and meaning.

    :param since: The format that the column came with.
    :param default: The value in a row of an earlier format; None for a column with a rule of its own.
    """

    name: str
    type: pa.DataType
    description: str
    since: int = 1
    default: Any = None


@dataclass(frozen=True)
class Table:
    """A table's name, columns, splits (empty: one per pool), sort order and nullable columns."""

    name: str
    columns: tuple[Column, ...]
    splits: tuple[str, ...]
    order: tuple[str, ...]
    nullable: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema, without metadata."""
        return pa.schema([(column.name, column.type) for column in self.columns])

    @property
    def has_images(self) -> bool:
        """Whether rows carry image bytes, which keeps row groups small."""
        return any(holds_image(column.type) for column in self.columns)


def holds_image(kind: pa.DataType) -> bool:
    """Whether values of this type are or hold images."""
    if kind.equals(IMAGE):
        return True
    return any(holds_image(kind.field(i).type) for i in range(kind.num_fields))


def features_metadata(schema: pa.Schema) -> dict[bytes, bytes]:
    """The Parquet metadata by which ``datasets`` knows the features of ``schema``.

    Lists are spelled ``[feature]``, the one form that datasets 3.6 and 5 both read.
    """
    features = {column.name: _feature(column.type) for column in schema}
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}


def _feature(kind: pa.DataType) -> object:
    if kind.equals(IMAGE):
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _feature(kind.field(i).type) for i in range(kind.num_fields)}
    return {"dtype": _DTYPES[kind], "_type": "Value"}

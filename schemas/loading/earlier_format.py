"""What tables of an earlier format lack, filled in as they are read: in Arrow, in SQL and in polars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.schemas.columns import Column, Table
from nyxqa.schemas.errors import FormatError, one_line
from nyxqa.schemas.loading.arrow_layouts import plain
from nyxqa.schemas.sql import identifier, string_literal
from nyxqa.schemas.tables import FORMAT, FORMAT_KEY, PREVIEW, PREVIEW_NEGATIVES, QA, table_in_format
from nyxqa.schemas.writing import IMAGE_GROUP_ROWS

if TYPE_CHECKING:
    import polars as pl

_EVIDENCE = QA.schema.field("evidence").type
_SQL_TYPES = {pa.string(): "VARCHAR", pa.int32(): "INTEGER", pa.float32(): "FLOAT", pa.bool_(): "BOOLEAN"}


def format_of(schema: pa.Schema) -> int:
    """The format that a published file carries; 0 if it carries none."""
    written = (schema.metadata or {}).get(FORMAT_KEY, b"")
    return int(written) if written.isdigit() and len(written) < 10 else 0


def is_earlier(schema: pa.Schema) -> bool:
    """Whether a file of this schema lacks what the present format declares."""
    return format_of(schema) < FORMAT


def added_columns(table: Table) -> list[Column]:
    """Columns that the present format added to ``table``."""
    return [column for column in table.columns if column.since == FORMAT]


def read_batches(
    file: Path, table: Table, rows: int, columns: Callable[[pa.Schema], Sequence[str]] | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of one published file in the present format, so many at a time, without metadata.

    :param columns: From the schema in the present format to the columns wanted; all of them if not given.
    :raises FormatError: If the file cannot be read.
    """
    try:
        with pq.ParquetFile(file) as parquet:
            stored = parquet.schema_arrow
            full = schema_of(stored, table)
            wanted = list(full.names if columns is None else columns(full))
            read = _needed(wanted, stored, table) if is_earlier(stored) else wanted
            for batch in parquet.iter_batches(batch_size=rows, columns=read):
                batch.validate(full=True)  # a text that is not UTF-8
                whole = filled(batch, table) if is_earlier(stored) else batch
                yield whole.select(wanted).replace_schema_metadata(None)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{file} cannot be read: {one_line(error, 300)}") from error


def schema_of(stored: pa.Schema, table: Table) -> pa.Schema:
    """The schema, without metadata, of what ``filled`` makes of a file with the schema ``stored``."""
    plain = stored.remove_metadata()
    if not is_earlier(stored):
        return plain
    return filled(pa.RecordBatch.from_pylist([], schema=plain), table).schema


def _needed(wanted: Sequence[str], stored: pa.Schema, table: Table) -> list[str]:
    """Columns of the file that the columns ``wanted`` are made of."""
    if table is PREVIEW:
        return list(stored.names)
    names = {"captions" if name == "caption_origins" else name for name in wanted}
    found = [name for name in stored.names if name in names]
    return found or stored.names[:1]


def filled(batch: pa.RecordBatch, table: Table) -> pa.RecordBatch:
    """Rows of an earlier format with what it lacks, the columns of ``table`` first; only what is there is converted."""
    if table is PREVIEW:
        return _flat_preview(batch)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    if "evidence" in columns and table is QA:
        columns["evidence"] = _wider(columns["evidence"])
    made: dict[str, pa.Array] = {}
    for column in added_columns(table):
        if column.name == "caption_origins":
            if "captions" in columns:
                made[column.name] = _like_list(columns["captions"], _repeated("", columns["captions"].flatten()))
        else:
            made[column.name] = pa.array([column.default] * batch.num_rows, column.type)
    ordered = [name for name in table.schema.names if name in columns or name in made]
    further = [name for name in columns if name not in ordered]
    arrays = [made[name] if name in made else columns[name] for name in [*ordered, *further]]
    return pa.RecordBatch.from_arrays(arrays, names=[*ordered, *further])


def _repeated(value: str, like: pa.Array) -> pa.Array:
    return pa.array([value] * len(like), pa.string())


def _wider(evidence: pa.StructArray) -> pa.StructArray:
    """Evidence with the conditions that it was not tried under, null."""
    there = {evidence.type.field(i).name for i in range(evidence.type.num_fields)}
    fields = [
        evidence.field(field.name) if field.name in there else pa.nulls(len(evidence), field.type)
        for field in _EVIDENCE
    ]
    return pa.StructArray.from_arrays(fields, fields=list(_EVIDENCE), mask=evidence.is_null())


def _flat_preview(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Joined triplets as rows of the flat preview."""
    column = batch.column
    query, positive, negatives = column("query"), column("positive"), column("negatives")
    made = {
        **{name: column(name) for name in ("query_id", "dataset", "answers", "positive_id")},
        "query": query.field("text"),
        "query_images": query.field("images"),
        "positive": positive.field("text"),
        "positive_images": positive.field("images"),
    }
    for number in PREVIEW_NEGATIVES:
        name = f"negative_{number}"
        side = _element(negatives, number - 1)
        images = pc.struct_field(side, "images")
        made[f"{name}_id"] = _element(column("negative_ids"), number - 1).fill_null("")
        made[name] = pc.struct_field(side, "text").fill_null("")
        made[f"{name}_images"] = _like_list(images, images.flatten())
        made[f"{name}_score"] = _element(column("negative_scores"), number - 1)
    schema = PREVIEW.schema
    return pa.RecordBatch.from_arrays([made[name] for name in schema.names], schema=schema)


def _element(lists: pa.ListArray, place: int) -> pa.Array:
    """The element at one place of each list; null where a list is shorter."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    starts = np.cumsum(lengths) - lengths
    short = lengths <= place
    return lists.flatten().take(pa.array(np.where(short, 0, starts + place), pa.int64(), mask=short))


def _like_list(shape: pa.ListArray, values: pa.Array) -> pa.ListArray:
    """``values`` in lists as long as those of ``shape``; an empty one for null."""
    lengths = pc.fill_null(pc.list_value_length(shape), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def earlier_preview(files: Sequence[Path]) -> pa.Table:
    """The preview of an earlier format as the present one has it, without images; it has few rows."""
    return pa.Table.from_batches(
        plain(batch) for file in files for batch in read_batches(file, PREVIEW, IMAGE_GROUP_ROWS)
    )


def sql_values(table: Table) -> dict[str, str]:
    """SQL for each column that an earlier format lacks or has narrower; not for ``preview``."""
    values = {}
    for column in added_columns(table):
        if column.name == "caption_origins":
            values[column.name] = "list_transform(captions, lambda caption: '')"
        else:
            values[column.name] = f"{_sql_literal(column.default)}::{sql_type(column.type)}"
    if table is QA:
        fields = ", ".join(f"{string_literal(field.name)}: {_sql_condition(field)}" for field in _EVIDENCE)
        values["evidence"] = f"CASE WHEN evidence IS NOT NULL THEN {{{fields}}} END"
    return values


def _sql_condition(field: pa.Field) -> str:
    there = _earlier_conditions()
    return f"evidence.{identifier(field.name)}" if field.name in there else f"NULL::{sql_type(field.type)}"


def _earlier_conditions() -> set[str]:
    """Names of the conditions in the evidence of the format before."""
    kind = table_in_format(QA, FORMAT - 1).schema.field("evidence").type
    return {kind.field(i).name for i in range(kind.num_fields)}


def _sql_literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return string_literal(value) if isinstance(value, str) else str(value)


def sql_type(kind: pa.DataType) -> str:
    """An Arrow type as DuckDB spells it."""
    if pa.types.is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{identifier(field.name)} {sql_type(field.type)}' for field in kind)})"
    return _SQL_TYPES[kind]


def polars_values(table: Table) -> list[pl.Expr]:
    """Polars' expressions for the columns that an earlier format lacks or has narrower; not for ``preview``."""
    import polars as pl

    empty = pl.from_arrow(table.schema.empty_table())
    assert isinstance(empty, pl.DataFrame)  # noqa: S101 - an Arrow table is never a series
    types = empty.schema
    values: list[pl.Expr] = []
    for column in added_columns(table):
        if column.name == "caption_origins":
            values.append(pl.col("captions").list.eval(pl.element().str.head(0)).alias(column.name))
        else:
            values.append(pl.lit(column.default, types[column.name]).alias(column.name))
    if table is QA:
        there = _earlier_conditions()
        evidence = types["evidence"]
        assert isinstance(evidence, pl.Struct)  # noqa: S101 - as the table declares it
        fields = [
            pl.col("evidence").struct.field(one.name).alias(one.name)
            if one.name in there
            else pl.lit(None, one.dtype).alias(one.name)
            for one in evidence.fields
        ]
        whole = pl.struct(fields)
        values.append(pl.when(pl.col("evidence").is_not_null()).then(whole).alias("evidence"))
    return values

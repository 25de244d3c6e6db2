"""``frame``: a published table as a lazy frame of polars."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.schemas.columns import Table
from nyxqa.schemas.loading.arrow_layouts import plain_columns, without_images
from nyxqa.schemas.loading.earlier_format import earlier_preview, is_earlier, polars_values, schema_of
from nyxqa.schemas.loading.published import find_published, table_named
from nyxqa.schemas.tables import CORPUS, PREVIEW

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


def frame(name: str = "triplets", path: str | Path | None = None) -> pl.LazyFrame:
    """A table over all its splits, read from its Parquet files when the frame is collected.

    Images are left out, also those inside structs. A last column ``split`` names the split of each row; in ``corpus``,
    where ``split`` is a stored column, ``pool`` names the pool; in ``ledger`` the stored ``split`` stays. ::

        nyxqa.frame("ledger").group_by("stage", "reason").len().collect()

    :param name: A table: triplets, qa, corpus, mixture, feedback, ledger, preview.
    :param path: An existing folder, ``user/name`` on the Hub, or None for ``NYXQA_DATA``, else ``nyxqa_data``.
    :returns: Rows in their stored order, split by split; no rows, with the declared columns, for a table without files.
    :raises UsageError: If there is no table of that name.
    :raises FormatError: If there is no dataset, or one that disagrees with its manifest.
    :raises WorldError: If the Hub cannot be used.
    """
    import polars as pl

    table = table_named(name)
    published = find_published(path, None, (name,))
    label = "pool" if table is CORPUS else "split"
    frames = []
    for split in published.splits(name):
        files = published.files(name, split)
        if files:
            frames.append(_labelled(_read(table, files), table, label, split))
    return pl.concat(frames) if frames else _labelled(_no_rows(table), table, label, "")


def _labelled(rows: pl.LazyFrame, table: Table, label: str, split: str) -> pl.LazyFrame:
    import polars as pl

    return rows if label in table.schema.names else rows.with_columns(pl.lit(split).alias(label))


def _read(table: Table, files: list[Path]) -> pl.LazyFrame:
    """The rows of some files in the present format, without images."""
    import polars as pl
    import pyarrow.parquet as pq

    schema = pq.read_schema(files[0])
    if is_earlier(schema) and table is PREVIEW:
        rows = pl.from_arrow(earlier_preview(files))
        assert isinstance(rows, pl.DataFrame)  # noqa: S101 - an Arrow table is never a series
        return rows.lazy()
    stored = _without_images(pl.scan_parquet(files, glob=False, hive_partitioning=False), schema.remove_metadata())
    if is_earlier(schema):
        stored = stored.with_columns(*polars_values(table)).select(plain_columns(schema_of(schema, table)))
    return stored


def _no_rows(table: Table) -> pl.LazyFrame:
    import polars as pl

    empty = pl.from_arrow(table.schema.empty_table())
    assert isinstance(empty, pl.DataFrame)  # noqa: S101 - an Arrow table is never a series
    return _without_images(empty.lazy(), table.schema)


def _without_images(rows: pl.LazyFrame, schema: pa.Schema) -> pl.LazyFrame:
    import polars as pl

    return rows.select(_pruned(pl.col(name), schema.field(name).type).alias(name) for name in plain_columns(schema))


def _pruned(column: pl.Expr, kind: pa.DataType) -> Any:
    """``column`` of the Arrow type ``kind``, less the images inside its structs."""
    import polars as pl
    import pyarrow as pa

    target = without_images(kind)
    if target is None or target.equals(kind):
        return column
    if pa.types.is_list(kind):
        return column.list.eval(_pruned(pl.element(), kind.value_type))
    fields = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
    names = [target.field(i).name for i in range(target.num_fields)]
    return pl.struct(_pruned(column.struct.field(name), fields[name]).alias(name) for name in names)

"""Published tables as DuckDB views over their Parquet files, without image bytes."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from nyxqa.builders.engine.duck import quoted
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import TABLES, Table

if TYPE_CHECKING:
    import duckdb

# Files of each table by split; ``corpus`` has its pools there.
TableFiles = Mapping[str, Mapping[str, Sequence[Path]]]


def table_files(out: Path, manifest: Manifest) -> dict[str, dict[str, list[Path]]]:
    """Files of every table that the manifest lists, in order of their rows."""
    return {
        name: {split: [out / path for path in manifest.paths(name, split)] for split in manifest.splits(name)}
        for name in TABLES
    }


def make_views(db: duckdb.DuckDBPyConnection, files: TableFiles) -> None:
    """One view for each table: its columns without images, and the name of the file's split.

    That name stands in column ``pool`` of ``corpus`` and in ``split`` of the others; ``ledger`` has its own ``split``.
    A table without files has no rows.
    """
    for name, table in TABLES.items():
        extra = "pool" if name == "corpus" else "split"
        named = extra not in table.schema.names
        selects = [_select(table, extra, split, paths, named) for split, paths in files.get(name, {}).items()]
        if not selects:
            columns = [table.schema.field(column) for column in table.plain_columns]
            columns += [pa.field(extra, pa.string())] if named else []
            db.register(f"no_{name}", pa.schema(columns).empty_table())
            selects = [f"SELECT * FROM no_{name}"]  # noqa: S608
        db.execute(f"CREATE TEMP VIEW {name} AS " + " UNION ALL ".join(selects))


def _select(table: Table, extra: str, split: str, paths: Sequence[Path], named: bool) -> str:
    columns = ", ".join(f'"{column}"' for column in table.plain_columns)
    name = f", '{split}' AS {extra}" if named else ""
    return f"SELECT {columns}{name} FROM read_parquet({parquet_list(paths)})"  # noqa: S608


def parquet_list(paths: Sequence[Path]) -> str:
    """A SQL list of file names that DuckDB takes literally: a folder's name may hold what it reads as a pattern."""
    return quoted([Path(glob.escape(str(path))) for path in paths])

"""DuckDB as the stages use it: on disk, bounded, spilling into a folder of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

MEMORY = "2GB"
THREADS = 2


@contextmanager
def database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A fresh database below ``folder``, removed at the end."""
    import duckdb

    with TemporaryDirectory(dir=folder, prefix=".duckdb-") as temporary:
        connection = duckdb.connect(f"{temporary}/work.duckdb")
        try:
            connection.execute(f"SET memory_limit='{MEMORY}'")
            connection.execute(f"SET threads={THREADS}")
            connection.execute(f"SET temp_directory='{temporary}/spill'")
            connection.execute("SET preserve_insertion_order=false")
            yield connection
        finally:
            connection.close()


def quoted(files: list[Path]) -> str:
    """A SQL list of file names."""
    return "[" + ", ".join("'" + str(file).replace("'", "''") + "'" for file in files) + "]"


def arrow(db: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any] | None = None) -> pa.Table:
    """The result of ``query`` as one Arrow table."""
    result: Any = db.sql(query, params=values or {})
    return result.to_arrow_table()


def batches(
    db: duckdb.DuckDBPyConnection, query: str, rows: int, values: dict[str, Any] | None = None
) -> Iterator[Any]:
    """The result of ``query`` in record batches of at most ``rows`` rows, through a cursor of its own."""
    result: Any = db.cursor().sql(query, params=values or {})
    yield from result.to_arrow_reader(rows)

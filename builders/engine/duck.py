"""DuckDB as the stages use it: on disk, bounded, spilling into a folder of the run."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nyxqa.schemas.errors import WorldError

if TYPE_CHECKING:
    import duckdb

MEMORY = "2GB"
THREADS = 2


@contextmanager
def database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A fresh database below ``folder``, removed at the end.

    :raises OSError: If the disk is full.
    :raises WorldError: If a file cannot be read or written, or a query needs more memory than it may have.
    """
    import duckdb

    with TemporaryDirectory(dir=folder, prefix=".duckdb-") as temporary:
        connection = duckdb.connect(f"{temporary}/work.duckdb")
        try:
            connection.execute(f"SET memory_limit='{MEMORY}'")
            connection.execute(f"SET threads={THREADS}")
            connection.execute(f"SET temp_directory={literal(f'{temporary}/spill')}")
            connection.execute("SET preserve_insertion_order=false")
            yield connection
        except duckdb.Error as error:
            if "No space left" in str(error):  # of several kinds, by what was written
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), temporary) from error
            if isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException):
                raise WorldError(f"DuckDB cannot go on in {folder}: {str(error).splitlines()[0]}") from error
            raise
        finally:
            connection.close()


def literal(text: str) -> str:
    """``text`` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def quoted(files: list[Path]) -> str:
    """A SQL list of file names."""
    return "[" + ", ".join(literal(str(file)) for file in files) + "]"


def arrow(db: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any] | None = None) -> pa.Table:
    """The result of ``query`` as one Arrow table."""
    result: Any = db.sql(query, params=values)
    return result.to_arrow_table()


def arrow_batches(db: duckdb.DuckDBPyConnection, query: str, batch: int) -> Iterator[pa.RecordBatch]:
    """The result of ``query``, ``batch`` rows at a time in memory; ``db`` stays free for other queries meanwhile."""
    result: Any = db.cursor().sql(query)
    yield from result.to_arrow_reader(batch)


def arrow_rows(db: duckdb.DuckDBPyConnection, query: str, batch: int) -> Iterator[dict[str, Any]]:
    """Rows of ``query`` one by one, ``batch`` at a time in memory."""
    for rows in arrow_batches(db, query, batch):
        yield from rows.to_pylist()


def append(db: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    """Add ``rows`` to ``table``, by the names of their columns."""
    db.register("appended", rows)
    db.execute(f"INSERT INTO {table} BY NAME SELECT * FROM appended")  # noqa: S608
    db.unregister("appended")

"""DuckDB for the stages: temporary databases on disk, with bounded memory, and results as Arrow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nyxqa.builders.engine.instances import beside
from nyxqa.builders.engine.limits import connected, current

if TYPE_CHECKING:
    import duckdb

SCRATCH = ".duckdb-"

# Number of the part file that a row was read from (needs ``filename = true``); looking the name up in a list would cost
# time in proportion to the number of files for each row.
PART_NUMBER = "regexp_extract(filename, 'part-(\\d+)\\.parquet$', 1)::BIGINT"


@contextmanager
def database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A fresh database, removed at the end, within the limits of the build.

    :param folder: Where it lies, unless the limits of the build name a place for all.
    :raises WorldError: If memory, spill space or disk run out, or a file cannot be read or written.
    """
    limits = current()
    with (
        TemporaryDirectory(dir=limits.scratch or folder, prefix=SCRATCH) as temporary,
        connected(Path(temporary) / "work.duckdb", limits, temporary=True) as connection,
    ):
        yield connection


def clear_scratch(folder: Path) -> None:
    """Remove the databases that a killed run left below ``folder``."""
    for left in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(left)


def arrow(db: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any] | None = None) -> pa.Table:
    """The result of ``query`` as one Arrow table."""
    result: Any = db.sql(query, params=values)
    return result.to_arrow_table()


def arrow_batches(db: duckdb.DuckDBPyConnection, query: str, batch: int) -> Iterator[pa.RecordBatch]:
    """The result of ``query``, ``batch`` rows at a time in memory; ``db`` stays free for other queries meanwhile."""
    result: Any = beside(db).sql(query)
    yield from result.to_arrow_reader(batch)


def arrow_rows(db: duckdb.DuckDBPyConnection, query: str, batch: int) -> Iterator[dict[str, Any]]:
    """Rows of ``query``, one at a time; ``batch`` rows are in memory."""
    for rows in arrow_batches(db, query, batch):
        yield from rows.to_pylist()


def append(db: duckdb.DuckDBPyConnection, table: str, appended: pa.Table) -> None:
    """Add rows to ``table``, by the names of their columns."""
    # By the name of the variable: DuckDB holds rows registered as a view until the transaction ends, even unregistered.
    db.execute(f"INSERT INTO {table} BY NAME SELECT * FROM appended").fetchall()  # noqa: S608


def shard_tables(db: duckdb.DuckDBPyConnection, query: str, shards: int, batch: int = 1 << 14) -> Iterator[pa.Table]:
    """Rows of ``query`` as a table for each of ``shards``, ``batch`` rows and a shard at a time in memory.

    :param query: Its rows are in the order of their column ``shard``, the number of a shard.
    """
    result: Any = beside(db).sql(query)
    reader = result.to_arrow_reader(batch)
    shard = 0
    waiting: list[pa.RecordBatch] = []
    for rows in reader:
        numbers = rows.column("shard").to_numpy()
        for start, stop in pairwise([0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]):
            while start < stop and shard < numbers[start]:
                yield pa.Table.from_batches(waiting, reader.schema)
                shard, waiting = shard + 1, []
            waiting.append(rows.slice(start, stop - start))
    for _ in range(shard, shards):
        yield pa.Table.from_batches(waiting, reader.schema)
        waiting = []

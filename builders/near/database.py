"""The DuckDB file that pairs are found in: limits, steps done once, errors a user can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.schemas.errors import WorldError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


@dataclass(frozen=True)
class Limits:
    """What the search may use; nothing here changes its result.

    :param memory: DuckDB's memory limit, as in ``1GB``.
    :param threads: DuckDB's threads, and the texts' batches worked on at once.
    :param spill: Most bytes DuckDB may spill to disk, as in ``50GB``; None for what the disk has.
    :param folder: Where DuckDB spills; None for beside its file.
    """

    memory: str = "1GB"
    threads: int = 2
    spill: str | None = None
    folder: Path | None = None


class Database:
    """A DuckDB file that remembers which steps are done, so that a stopped search continues.

    :param file: The file, made if absent.
    :raises WorldError: If the file or a limit is unusable.
    """

    def __init__(self, file: Path, limits: Limits) -> None:
        import duckdb

        self.limits = limits
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": limits.memory,
            "threads": limits.threads,
            "temp_directory": str(limits.folder or file.with_suffix(".spill")),
            "preserve_insertion_order": False,
        }
        with worldly(limits):
            self.connection: duckdb.DuckDBPyConnection = duckdb.connect(str(file), config=config)
        if limits.spill is not None:
            # Set on the open file: given with the configuration, DuckDB 1.5 to 2.0 report the limit but ignore it.
            self.run("SET max_temp_directory_size = ?", [limits.spill])
        self.run("CREATE TABLE IF NOT EXISTS done (step VARCHAR)")

    def run(self, sql: str, parameters: list[object] | None = None) -> None:
        """Run one statement for what it does.

        :raises WorldError: If memory, spill space or disk run out.
        """
        with worldly(self.limits):
            self.connection.execute(sql, parameters).fetchall()

    def table(self, sql: str) -> pa.Table:
        """The whole answer of a query, as Arrow."""
        with worldly(self.limits):
            return self.connection.sql(sql).to_arrow_table()

    def rows(self, sql: str, parameters: list[object] | None = None) -> list[tuple[Any, ...]]:
        """The whole answer of a query, as Python values; a result left half read would block the connection."""
        with worldly(self.limits):
            return self.connection.execute(sql, parameters).fetchall()

    def number(self, sql: str) -> int:
        """The answer of a query with one row and column, 0 if it is null."""
        return int(self.rows(sql)[0][0] or 0)

    def slices(self, table: str, columns: str, rows: int) -> Iterator[pa.Table]:
        """``table`` in pieces of at most ``rows`` rows; statements may be run between them."""
        # Row ids have gaps: rows of an open transaction are numbered far behind those of the file.
        parts = self.rows(f"SELECT DISTINCT rowid // {rows} FROM {table} ORDER BY 1")
        for (part,) in parts:
            first = int(part) * rows
            yield self.table(f"SELECT {columns} FROM {table} WHERE rowid >= {first} AND rowid < {first + rows}")

    def append(self, table: str, rows: pa.Table) -> None:
        """Add ``rows``, by the names of their columns."""
        self.connection.register("appended", rows)
        self.run(f"INSERT INTO {table} BY NAME SELECT * FROM appended")
        self.connection.unregister("appended")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is run inside."""
        self.run("BEGIN")
        try:
            yield
        except BaseException:
            with worldly(self.limits):
                self.connection.rollback()
            raise
        self.run("COMMIT")

    def once(self, step: str, work: Callable[[], None]) -> None:
        """Do ``work`` in one transaction unless an earlier run did."""
        if self.rows("SELECT 1 FROM done WHERE step = ?", [step]):
            return
        with self.transaction():
            work()
            self.run("INSERT INTO done VALUES (?)", [step])

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


@contextmanager
def worldly(limits: Limits) -> Iterator[None]:
    """Turn DuckDB's errors about memory, disk and files into errors that say what to do."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        message = " ".join(str(error).split())
        if "max_temp_directory_size" in message:
            raise WorldError(
                f"the search for duplicates filled the spill space of {limits.spill or 'the disk'}: free disk space or "
                f"raise the limit and run again; finished parts are kept ({message[:200]})"
            ) from error
        raise WorldError(
            f"the search for duplicates needs more memory than {limits.memory}: raise the memory limit or lower "
            f"threads ({limits.threads}) and run again; finished parts are kept ({message[:200]})"
        ) from error
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise WorldError(f"the search for duplicates cannot use its files: {' '.join(str(error).split())}") from error

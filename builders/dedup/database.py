"""The DuckDB file of a search, with steps that are done once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.builders.engine.database import append
from nyxqa.builders.engine.limits import Limits, connected, translated_errors
from nyxqa.schemas.files import replacing, sweep

if TYPE_CHECKING:
    import pyarrow as pa


_DONE = "CREATE TABLE done (step VARCHAR)"


class Database:
    """A DuckDB file that remembers which steps are done, so that a stopped search continues.

    :param file: The file, created if missing.
    :param temporary: Whether nothing is kept, so that there is no file: writing and packing it takes time.
    :param threads: Fewer than ``limits`` allow, for little data; None for as many.
    :raises WorldError: If the file or a limit cannot be used.
    """

    def __init__(self, file: Path, limits: Limits, temporary: bool = False, threads: int | None = None) -> None:
        self.limits = limits
        self._folder = file.parent
        self._open = ExitStack()
        own = replace(limits, threads=min(limits.threads, threads or limits.threads))
        if not temporary and not file.exists():
            _make(file, limits)
        self.connection = self._open.enter_context(connected(file, own, temporary, stored=not temporary))
        if temporary:
            self.connection.execute(_DONE)

    def run(self, sql: str, parameters: list[object] | None = None) -> None:
        """Run one statement and discard its result.

        :raises WorldError: If memory, spill space or disk run out.
        """
        with translated_errors(self.limits, self._folder):
            self.connection.execute(sql, parameters).fetchall()

    def table(self, sql: str) -> pa.Table:
        """The result of a query, as one Arrow table."""
        with translated_errors(self.limits, self._folder):
            return self.connection.sql(sql).to_arrow_table()

    def rows(self, sql: str, parameters: list[object] | None = None) -> list[tuple[Any, ...]]:
        """The result of a query, as Python values, read to its end: an open result would block the connection."""
        with translated_errors(self.limits, self._folder):
            return self.connection.execute(sql, parameters).fetchall()

    def number(self, sql: str) -> int:
        """The result of a query with one row and one column, 0 if it is null."""
        return int(self.rows(sql)[0][0] or 0)

    def slices(self, table: str, columns: str, rows: int) -> Iterator[pa.Table]:
        """``table`` in pieces of at most ``rows`` rows; other statements may run between them."""
        # Row ids have gaps: rows of an open transaction are numbered far behind those of the file.
        parts = self.rows(f"SELECT DISTINCT rowid // {rows} FROM {table} ORDER BY 1")
        for (part,) in parts:
            first = int(part) * rows
            yield self.table(f"SELECT {columns} FROM {table} WHERE rowid >= {first} AND rowid < {first + rows}")

    def append(self, table: str, rows: pa.Table) -> None:
        """Add ``rows``, by the names of their columns.

        :raises WorldError: If memory, spill space or disk run out.
        """
        with translated_errors(self.limits, self._folder):
            append(self.connection, table, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything that runs inside, or roll it back on an error."""
        self.run("BEGIN")
        try:
            yield
        except BaseException:
            with translated_errors(self.limits, self._folder):
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
        """Close the file and remove spilled data."""
        self._open.close()


def _make(file: Path, limits: Limits) -> None:
    """Create the database under another name and rename it: DuckDB rejects a file whose creation was interrupted."""
    sweep(file.parent, file.name)
    with replacing(file) as temporary, connected(temporary, limits) as connection:
        connection.execute(_DONE)

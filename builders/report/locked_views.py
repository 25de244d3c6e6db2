"""The tables of a dataset in one open database for many queries, which reads nothing but the dataset."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nyxqa.builders.engine.locked import lock, require_select, time_limit
from nyxqa.builders.report.views import connect_published, explain, first_rows
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.loading.published import Published

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SETTINGS = ("memory_limit = '1GB'", "threads = 2", "parquet_metadata_cache = true", "preserve_insertion_order = false")
Row = dict[str, Any]


class LockedViews:
    """The views of ``connect`` over a published dataset; one query at a time, from any thread."""

    def __init__(self, published: Published) -> None:
        self._db = connect_published(published)
        for setting in _SETTINGS:
            self._db.execute(f"SET {setting}")
        lock(self._db, [published.folder / name for name in published.manifest.files])
        self._turn = threading.Lock()

    def rows(self, query: str, values: object = None, seconds: float | None = None) -> list[Row]:
        """Rows of a query by column name.

        :param seconds: Most time, for a query that holds a condition of the user.
        :raises UsageError: If DuckDB refuses it, or it takes longer.
        """
        with self._turn:
            rows: list[Row] = self._run(query, values, None, seconds).to_pylist()
            return rows

    def first(self, query: str, values: object = None) -> Row | None:
        """The first row of a query; None without any."""
        return next(iter(self.rows(query, values)), None)

    def own_query(self, query: str, rows: int, seconds: float) -> pa.Table:
        """The first rows of a query that a user wrote: one SELECT.

        :raises UsageError: If it is something else, DuckDB refuses it, or it takes too long.
        """
        require_select(query)
        with self._turn:
            return self._run(query, None, rows, seconds)

    def database(self) -> DuckDBPyConnection:
        """The connection itself, for queries of one thread that holds ``turn``."""
        return self._db

    @property
    def turn(self) -> threading.Lock:
        """Held while ``database`` is used."""
        return self._turn

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _run(self, query: str, values: object, rows: int | None, seconds: float | None) -> pa.Table:
        import duckdb

        try:
            with time_limit(self._db, seconds):
                answer: Any = self._db.sql(query, params=values) if values is not None else self._db.sql(query)
                return pa.table({}) if answer is None else first_rows(answer, rows)
        except duckdb.InterruptException as error:
            raise UsageError(f"the query takes more than {seconds or 0:g} seconds; ask for less") from error
        except duckdb.Error as error:
            if isinstance(error, duckdb.PermissionException):
                raise UsageError("only one SELECT over this dataset's tables") from error
            raise UsageError(explain(error, self._db)) from error

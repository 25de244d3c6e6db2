"""SQL over the published tables: one DuckDB view for each table, without its images."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.locked import lock, require_select, time_limit
from nyxqa.builders.report.unfinished import add_funnel, open_unfinished
from nyxqa.schemas.errors import UsageError, first_line
from nyxqa.schemas.loading.arrow_layouts import without_images
from nyxqa.schemas.loading.earlier_format import earlier_preview, is_earlier, schema_of, sql_values
from nyxqa.schemas.loading.published import Published, open_published
from nyxqa.schemas.sql import file_list, identifier, string_literal
from nyxqa.schemas.tables import CORPUS, PREVIEW, TABLES

if TYPE_CHECKING:
    import duckdb
    from duckdb import DuckDBPyConnection

PAIRS = "pairs"
_PAIRS = """
SELECT query_id, dataset, split, pool, one.doc_id, 'positive' AS role, one.rank, one.score
FROM (SELECT query_id, dataset, split, pool, unnest(positives) AS one FROM triplets)
UNION ALL
SELECT query_id, dataset, split, pool, unnest(negative_ids), 'negative', unnest(negative_ranks), unnest(negative_scores)
FROM triplets
"""
_BATCH = 10_000
_MISSING = re.compile(r"^Catalog Error: Table with name (.+?) does not exist!")


def connect(path: Path) -> DuckDBPyConnection:
    """An in-memory DuckDB with a view for each table of the dataset in ``path``.

    A view holds all splits of its table with an added column ``split`` (``pool`` for ``corpus``, which has a ``split``
    already), without image columns; the view of a table without files is empty. View ``pairs`` has a row for each query
    and document of ``triplets``: role (positive, negative), rank, score. View ``funnel`` has a row for each stage
    and split. Of a build that published nothing there are the views ``ledger`` and ``funnel`` alone.

    :raises FormatError: If there is no dataset, or it does not match its manifest.
    """
    import duckdb

    unfinished = open_unfinished(path)
    if unfinished is None:
        return connect_published(open_published(path))
    connection = duckdb.connect()
    unfinished.add_views(connection)
    return connection


def connect_published(published: Published) -> DuckDBPyConnection:
    """The views of ``connect`` over a dataset that is open already."""
    import duckdb

    connection = duckdb.connect()
    add_views(connection, published)
    add_funnel(connection, published.manifest.stages)
    return connection


def add_views(connection: DuckDBPyConnection, published: Published) -> None:
    """Add the views of ``connect`` as temporary views of ``connection``."""
    for name in TABLES:
        if published.is_earlier and TABLES[name] is PREVIEW and published.manifest.splits(name):
            _add_earlier_preview(connection, published)
        else:
            connection.execute(f'CREATE TEMP VIEW "{name}" AS {_view(published, name)}')
    connection.execute(f"CREATE TEMP VIEW {PAIRS} AS {_PAIRS}")


def _add_earlier_preview(connection: DuckDBPyConnection, published: Published) -> None:
    """Add the preview of an earlier format in its present form: a table, since its files have another."""
    (split,) = published.manifest.splits(PREVIEW.name)
    connection.register("earlier", earlier_preview(published.files(PREVIEW.name, split)))
    label = string_literal(split)
    connection.execute(f'CREATE TEMP TABLE "{PREVIEW.name}" AS SELECT *, {label} AS split FROM earlier')  # noqa: S608
    connection.unregister("earlier")


@dataclass(frozen=True)
class Query:
    """How a query is run.

    :param unlocked: Whether it may be any statement, and use files and settings.
    :param rows: Most rows of the answer; None for all.
    :param seconds: Most time; None for no limit.
    """

    unlocked: bool = False
    rows: int | None = None
    seconds: float | None = None


def run_sql(path: Path, query: str, how: Query | None = None) -> pa.Table:
    """The result of one query over the tables of the dataset in ``path``, as an Arrow table.

    :param query: One SELECT; it reads the tables and nothing else.
    :raises UsageError: If it is something else, DuckDB refuses it, with the first line of its message, or it takes too
        long.
    :raises FormatError: If there is no dataset, or it does not match its manifest.
    """
    import duckdb

    how = how or Query()
    if not how.unlocked:
        require_select(query)
    connection = connect(path)
    try:
        if not how.unlocked:
            lock(connection, readable_files(path))
        with time_limit(connection, how.seconds):
            answer: Any = connection.sql(query)
            return pa.table({}) if answer is None else first_rows(answer, how.rows)
    except duckdb.InterruptException as error:
        if how.seconds is None:
            raise
        raise UsageError(f"the query takes more than {how.seconds:g} seconds; give it more, or ask for less") from error
    except duckdb.Error as error:
        raise UsageError(explain(error, connection)) from error
    finally:
        connection.close()


def explain(error: duckdb.Error, connection: DuckDBPyConnection) -> str:
    """What DuckDB says, with its hints, on one line; of a table that is not there, those that are."""
    import duckdb

    if isinstance(error, duckdb.PermissionException):
        return f"only one SELECT over this dataset's tables; --unlocked lifts that ({first_line(error)})"
    missing = _MISSING.search(str(error))
    if missing is not None:
        listed = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
        tables = sorted(name for (name,) in listed)
        close = difflib.get_close_matches(missing[1], tables, n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        return f"no table {missing[1]}{hint} Tables: {', '.join(tables)}"
    said = " ".join(str(error).partition("\n\nLINE ")[0].split())
    return f"the query failed: {said}"


def first_rows(answer: Any, rows: int | None) -> pa.Table:
    """The first rows of a relation; all if ``rows`` is None."""
    if rows is None:
        table: pa.Table = answer.to_arrow_table()
        return table
    reader = answer.to_arrow_reader(_BATCH)
    taken: list[pa.RecordBatch] = []
    for batch in reader:
        taken.append(batch.slice(0, rows))
        rows -= taken[-1].num_rows
        if not rows:
            break
    return pa.Table.from_batches(taken, schema=reader.schema)


def readable_files(path: Path) -> list[Path]:
    """The files that the views of ``connect`` read."""
    unfinished = open_unfinished(path)
    if unfinished is not None:
        return unfinished.files()
    return [path / name for name in open_published(path).manifest.files]


def _view(published: Published, name: str) -> str:
    """The query behind one view."""
    splits = [split for split in published.splits(name) if published.files(name, split)]
    if not splits:
        return _empty(name)
    return " UNION ALL BY NAME ".join(_part(name, published.files(name, split), split) for split in splits)


def _empty(name: str) -> str:
    """A query of no rows with the columns of a table."""
    types = {column.name: without_images(column.type) for column in TABLES[name].schema}
    types.setdefault(_added(name), pa.string())
    columns = (f"NULL::{_sql_type(kind)} AS {identifier(one)}" for one, kind in types.items() if kind is not None)
    return f"SELECT {', '.join(columns)} WHERE false"


def _sql_type(kind: pa.DataType) -> str:
    """The type of DuckDB for an Arrow type of our tables."""
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        fields = (kind.field(i) for i in range(kind.num_fields))
        return f"STRUCT({', '.join(f'{identifier(one.name)} {_sql_type(one.type)}' for one in fields)})"
    return _SQL_TYPES[kind]


_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
}


def _added(name: str) -> str:
    """Name of the column that holds the split of the files; a split of ``corpus`` is a pool."""
    return "pool" if name == CORPUS.name else "split"


def _part(name: str, files: Sequence[Path], split: str) -> str:
    stored = pq.read_schema(files[0])
    schema = schema_of(stored, TABLES[name])
    values = sql_values(TABLES[name]) if is_earlier(stored) else {}
    columns = []
    for column in schema:
        pruned = without_images(column.type)
        if column.name in values:
            columns.append(f"{values[column.name]} AS {identifier(column.name)}")
        elif pruned is not None:
            value = identifier(column.name)
            columns.append(value if pruned.equals(column.type) else f"{_pruned(value, column.type)} AS {value}")
    added = _added(name)
    if added not in schema.names:
        columns.append(f"{string_literal(split)} AS {added}")
    return f"FROM read_parquet({file_list(files)}) SELECT {', '.join(columns)}"


def _pruned(value: str, kind: pa.DataType) -> str:
    """SQL for ``value`` without the images inside it."""
    pruned = without_images(kind)
    if pruned is None or pruned.equals(kind):
        return value
    if pa.types.is_list(kind):
        return f"list_transform({value}, lambda item: {_pruned('item', kind.value_type)})"
    fields = [pruned.field(i).name for i in range(pruned.num_fields)]
    inner = (f"{string_literal(f)}: {_pruned(f'{value}.{identifier(f)}', kind.field(f).type)}" for f in fields)
    return f"{{{', '.join(inner)}}}"

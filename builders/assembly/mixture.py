"""The mixture: which train triplets a training run sees, how often, and in which order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nyxqa.builders.engine.database import arrow_rows
from nyxqa.schemas.chance import chance, keyed_hash
from nyxqa.schemas.recipe import Mixture
from nyxqa.schemas.tables import DATASET

if TYPE_CHECKING:
    import duckdb

_BATCH = 50_000
_ROWS = pa.schema(
    [("dataset", pa.string()), ("query_id", pa.string()), ("order_key", pa.uint64()), ("cap", pa.int64())]
)
_COPIES = pa.schema([("dataset", pa.string()), ("query_id", pa.string()), ("order_key", pa.uint64())])
_WEB = """
SELECT '{dataset}' AS dataset, qa_id AS query_id FROM question
WHERE split = 'train' AND reason IS NULL AND answerable
"""
_SETS = "SELECT dataset, query_id FROM entry WHERE split = 'train' AND reason IS NULL AND positive_id <> ''"
_CAPPED = """
SELECT dataset, query_id FROM drawn
QUALIFY cap IS NULL OR row_number() OVER (PARTITION BY dataset ORDER BY order_key, query_id) <= cap
"""
_SHUFFLED = "SELECT dataset, query_id FROM copied ORDER BY order_key, dataset, query_id"


def mixture_rows(db: duckdb.DuckDBPyConnection, mixture: Mixture, seed: int, web: bool) -> Iterator[dict[str, Any]]:
    """Rows of the mixture in their order: caps select rows, weights repeat them, keyed hashes shuffle them.

    :param web: Whether the recipe has a web builder.
    """
    db.execute("CREATE TABLE drawn (dataset VARCHAR, query_id VARCHAR, order_key UBIGINT, cap BIGINT)")
    db.execute("CREATE TABLE copied (dataset VARCHAR, query_id VARCHAR, order_key UBIGINT)")
    query = f"{_SETS} UNION ALL {_WEB.format(dataset=DATASET)}" if web else _SETS
    _insert(db, "drawn", _ROWS, (_drawn(row, mixture, seed) for row in arrow_rows(db, query, _BATCH)))
    copies = (copy for row in arrow_rows(db, _CAPPED, _BATCH) for copy in _copies(row, mixture, seed))
    _insert(db, "copied", _COPIES, copies)
    for position, row in enumerate(arrow_rows(db, _SHUFFLED, _BATCH)):
        yield {"position": position, **row}


def _drawn(row: dict[str, Any], mixture: Mixture, seed: int) -> dict[str, Any]:
    dataset = row["dataset"]
    return {**row, "order_key": keyed_hash(seed, "mixture/cap", _item(row)), "cap": mixture.caps.get(dataset)}


def _copies(row: dict[str, Any], mixture: Mixture, seed: int) -> Iterator[dict[str, Any]]:
    """A row repeated by its weight: the integer part, and once more with the fractional part as probability."""
    weight = mixture.weights.get(row["dataset"], 1.0)
    times = math.floor(weight)
    times += chance(seed, "mixture/weight", _item(row)) < weight - times
    for copy in range(times):
        yield {**row, "order_key": keyed_hash(seed, "mixture/order", f"{_item(row)} {copy}")}


def _item(row: dict[str, Any]) -> str:
    return f"{row['dataset']} {row['query_id']}"


def _insert(db: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, rows: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= _BATCH:
            _flush(db, table, schema, batch)
    _flush(db, table, schema, batch)


def _flush(db: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
    db.register("mixture_rows", pa.Table.from_pylist(rows, schema=schema))
    db.execute(f"INSERT INTO {table} SELECT * FROM mixture_rows")  # noqa: S608
    db.unregister("mixture_rows")
    rows.clear()

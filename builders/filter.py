"""Stage ``filter``: documents must meet the recipe's SQL conditions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.account import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.rows import DOCUMENTS
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Filters

VERSION = 1
_IMAGE_FIELDS = {"image_ids": "image_id", "image_phashes": "phash", "captions": "caption", "image_urls": "url"}


def filter_documents(run: Run, documents: Parts, settings: Filters) -> Parts:
    """Keep the documents that meet every condition of ``filters.corpus``."""
    conditions = list(settings.corpus) if settings.enabled else []
    params = {"conditions": conditions}
    step = Step("filter", VERSION, params, (documents.fingerprint,), unit_in="document", unit_out="document")
    return run.map(step, partial(filter_shard, conditions), documents.files, DOCUMENTS)


def filter_shard(conditions: Sequence[str], file: Path) -> ShardOutput:
    """Documents of one shard that meet every condition; the first one failed is the reason."""
    table = pq.read_table(file)
    failed = first_failed(_corpus_columns(table), conditions, "filters.corpus")
    ids, pages = table["doc_id"].to_pylist(), table["page_id"].to_pylist()
    drops = [
        Drop("document", doc, page, "filter", condition)
        for doc, page, condition in zip(ids, pages, failed, strict=True)
        if condition is not None
    ]
    kept = table.filter(pa.array([condition is None for condition in failed], pa.bool_()))
    return ShardOutput(kept.cast(DOCUMENTS), Account(ids, kept["doc_id"].to_pylist(), drops))


def check_conditions(settings: Filters, qa: pa.Schema) -> None:
    """Try every condition on no rows, before anything is spent.

    :raises UsageError: Naming the condition that DuckDB does not take.
    """
    first_failed(_corpus_columns(DOCUMENTS.empty_table()), settings.corpus, "filters.corpus")
    first_failed(qa.empty_table().drop_columns(["images"]), settings.qa, "filters.qa")


def first_failed(rows: pa.Table, conditions: Sequence[str], where: str) -> list[str | None]:
    """For each row the first condition that is not true of it, or None.

    :raises UsageError: If DuckDB does not take a condition.
    """
    failed: list[str | None] = [None] * rows.num_rows
    if not conditions:
        return failed
    import duckdb

    with duckdb.connect() as db:
        db.register("rows", rows.append_column("_row", pa.array(range(rows.num_rows), pa.int64())))
        for condition in reversed(conditions):
            query = f"SELECT _row FROM rows WHERE NOT coalesce(({condition}\n)::BOOLEAN, false) ORDER BY _row"  # noqa: S608
            try:
                missed = db.execute(query).fetchall()
            except duckdb.Error as error:
                first = str(error).splitlines()[0]
                raise UsageError(f"{where}: {condition!r} is no condition DuckDB takes: {first}") from error
            for (row,) in missed:
                failed[row] = condition
    return failed


def _corpus_columns(documents: pa.Table) -> pa.Table:
    """Documents under the column names of table ``corpus``, without image bytes."""
    images = documents["images"].combine_chunks()
    table = documents.drop_columns(["images"])
    for name, field in _IMAGE_FIELDS.items():
        values = images.flatten().field(field)
        table = table.append_column(name, pa.ListArray.from_arrays(_offsets(images), values))
    return table


def _offsets(lists: pa.ListArray) -> pa.Array:
    lengths = [0 if n is None else n for n in pa.compute.list_value_length(lists).to_pylist()]
    offsets = [0]
    for length in lengths:
        offsets.append(offsets[-1] + length)
    return pa.array(offsets, pa.int32())

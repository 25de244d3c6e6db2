"""Stage ``filter``: documents must meet the recipe's SQL conditions and not overlap with a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.filters.against import REASON, Against
from nyxqa.builders.filters.conditions import CLOSED, forbidden
from nyxqa.builders.rows import DOCUMENTS
from nyxqa.builders.stages.benchmark import documents_against
from nyxqa.schemas.errors import UsageError, first_line
from nyxqa.schemas.recipe import Filters

VERSION = 1
_IMAGE_FIELDS = {"image_ids": "image_id", "image_phashes": "phash", "captions": "caption", "image_urls": "url"}


def filter_documents(
    run: Run, documents: StepOutput, settings: Filters, benchmark: StepOutput | None, distance: int
) -> StepOutput:
    """Keep the documents that meet every condition of ``filters.corpus`` and do not overlap with a benchmark.

    :param benchmark: The index of ``filters.decontaminate``, if that names files.
    :param distance: Bits in which perceptual hashes of alike images may differ.
    """
    conditions = list(settings.corpus) if settings.enabled else []
    against: Against | None = None
    inputs: tuple[str, ...] = (documents.fingerprint,)
    if benchmark is not None:
        against, more = documents_against(run, documents, benchmark, distance)
        inputs += more
    params = {"conditions": conditions}
    step = Step("filter", VERSION, params, inputs, unit_in="document", unit_out="document")
    return run.map(step, partial(filter_shard, conditions, against=against), documents.files, DOCUMENTS)


def filter_shard(conditions: Sequence[str], file: Path, against: Against | None = None) -> ShardOutput:
    """Documents of one shard that meet every condition and overlap with nothing; the first fault is the reason."""
    table = pq.read_table(file)
    failed = first_failed(_corpus_columns(table), conditions, "filters.corpus")
    met = table.filter(pa.array([condition is None for condition in failed], pa.bool_()))
    overlaps = iter([] if against is None else against.documents(met.select(["text", "images"]).to_pylist()))
    ids, pages = table["doc_id"].to_pylist(), table["page_id"].to_pylist()
    drops, kept = [], []
    for row, condition in enumerate(failed):
        overlap = next(overlaps, None) if condition is None else None
        if condition is not None:
            drops.append(Drop("document", ids[row], pages[row], "filter", condition))
        elif overlap is not None:
            drops.append(Drop("document", ids[row], pages[row], REASON, overlap))
        else:
            kept.append(row)
    rows = table.take(pa.array(kept, pa.int64()))
    return ShardOutput(rows.cast(DOCUMENTS), Account(ids, rows["doc_id"].to_pylist(), drops))


def check_conditions(settings: Filters, qa: pa.Schema) -> None:
    """Try every condition on no rows, before anything is spent.

    :raises UsageError: Naming the condition that DuckDB does not take, or that more than its row would decide.
    """
    _check_own(settings.corpus, "filters.corpus")
    _check_own(settings.qa, "filters.qa")
    first_failed(_corpus_columns(DOCUMENTS.empty_table()), settings.corpus, "filters.corpus")
    first_failed(qa.empty_table().drop_columns(["images"]), settings.qa, "filters.qa")


def _check_own(conditions: Sequence[str], where: str) -> None:
    """Refuse conditions that another build of the same rows may answer otherwise.

    :raises UsageError: Naming the condition and what in it is to blame.
    """
    if not conditions:
        return
    import duckdb

    with duckdb.connect(config=CLOSED) as db:
        for condition in conditions:
            if (fault := forbidden(db, condition)) is not None:
                raise UsageError(f"{where}: {condition!r} cannot be used: {fault}")


def first_failed(rows: pa.Table, conditions: Sequence[str], where: str) -> list[str | None]:
    """For each row the first condition that is not true of it, or None.

    :raises UsageError: If DuckDB does not take a condition.
    """
    failed: list[str | None] = [None] * rows.num_rows
    if not conditions:
        return failed
    import duckdb

    with duckdb.connect(config=CLOSED) as db:
        db.register("rows", rows.append_column("_row", pa.array(range(rows.num_rows), pa.int64())))
        for condition in reversed(conditions):
            query = f"SELECT _row FROM rows WHERE NOT coalesce(({condition}\n)::BOOLEAN, false) ORDER BY _row"  # noqa: S608
            try:
                missed = db.execute(query).fetchall()
            except duckdb.Error as error:
                said = first_line(error)
                raise UsageError(f"{where}: {condition!r} is no condition DuckDB takes: {said}") from error
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
    """Where each list begins in the flattened values; a null list is an empty one."""
    ends = pc.cumulative_sum(pc.fill_null(pc.list_value_length(lists), 0))
    return pa.concat_arrays([pa.array([0], pa.int32()), ends])

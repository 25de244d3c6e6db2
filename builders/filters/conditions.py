"""Filter documents and questions by the SQL conditions of ``[filters]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.builders.engine.locked import CLOSED, time_limit
from nyxqa.builders.filters.base import Rejection, Verdicts
from nyxqa.builders.filters.condition_syntax import forbidden
from nyxqa.builders.rows import DOCUMENTS
from nyxqa.schemas.errors import UsageError, first_line
from nyxqa.schemas.recipe import Filters

REASON = "filter"
# Most time that a condition may take over one batch of rows.
SECONDS = 60.0
_IMAGE_FIELDS = {
    "image_ids": "image_id",
    "image_phashes": "phash",
    "captions": "caption",
    "caption_origins": "caption_origin",
    "image_urls": "url",
}


@dataclass(frozen=True)
class DocumentConditions:
    """Rejects the documents that do not meet every condition of ``filters.corpus``; picklable.

    :param conditions: DuckDB expressions over the columns of table ``corpus``, in the order they are applied.
    """

    conditions: Sequence[str]

    def __call__(self, rows: pa.Table) -> Verdicts:
        """Verdicts on rows of DOCUMENTS; the detail is the first condition that is not true of the row.

        :raises UsageError: If DuckDB refuses a condition.
        """
        failed = first_failed(corpus_columns(rows), self.conditions, "filters.corpus")
        return [None if condition is None else Rejection(REASON, condition) for condition in failed]


def check_conditions(settings: Filters, qa: pa.Schema) -> None:
    """Evaluate every condition on an empty table, before any work is done.

    :param qa: Schema of table ``qa``.
    :raises UsageError: If DuckDB refuses a condition, or it depends on more than its row; the message names it.
    """
    _check_deterministic(settings.corpus, "filters.corpus")
    _check_deterministic(settings.qa, "filters.qa")
    first_failed(corpus_columns(DOCUMENTS.empty_table()), settings.corpus, "filters.corpus")
    first_failed(qa.empty_table().drop_columns(["images"]), settings.qa, "filters.qa")


def _check_deterministic(conditions: Sequence[str], where: str) -> None:
    """Refuse conditions that may evaluate differently in another build of the same rows.

    :raises UsageError: If a condition does so; the message names the condition and the part at fault.
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

    :param where: Recipe key of the conditions, for messages.
    :raises UsageError: If DuckDB refuses a condition, or it takes too long.
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
                with time_limit(db, SECONDS):
                    missed = db.execute(query).fetchall()
            except duckdb.InterruptException as error:
                raise UsageError(f"{where}: {condition!r} takes more than {SECONDS:g} seconds") from error
            except duckdb.Error as error:
                raise UsageError(f"{where}: DuckDB refuses {condition!r}: {first_line(error)}") from error
            for (row,) in missed:
                failed[row] = condition
    return failed


def may_pass(columns: Mapping[str, Sequence[str]], conditions: Sequence[str]) -> bool:
    """Whether a document of which only ``columns`` are known may meet every condition of ``filters.corpus``.

    :param columns: Possible values of each known column of table ``corpus``, one row for each.
    :raises UsageError: If DuckDB refuses a condition.
    """
    if not conditions:
        return True
    import duckdb

    count = max(map(len, columns.values()))
    empty = corpus_columns(DOCUMENTS.empty_table())
    rows = pa.table(
        {
            name: pa.array(columns[name]) if name in columns else pa.nulls(count, empty.schema.field(name).type)
            for name in empty.column_names
        }
    )
    with duckdb.connect(config=CLOSED) as db:
        db.register("rows", rows)
        all_met = " AND ".join(f"({condition}\n)::BOOLEAN" for condition in conditions)
        try:  # what depends on an unknown column is neither true nor false
            found = db.execute(f"SELECT count(*) FROM rows WHERE ({all_met}) IS NOT FALSE").fetchone()  # noqa: S608
        except duckdb.Error as error:
            raise UsageError(f"filters.corpus: {first_line(error)}") from error
    return found is not None and found[0] > 0


def corpus_columns(documents: pa.Table) -> pa.Table:
    """Documents under the column names of table ``corpus``, without image bytes."""
    images = documents["images"].combine_chunks()
    table = documents.drop_columns(["images"])
    for name, field in _IMAGE_FIELDS.items():
        values = images.flatten().field(field)
        table = table.append_column(name, pa.ListArray.from_arrays(_offsets(images), values))
    return table


def _offsets(lists: pa.ListArray) -> pa.Array:
    """Offset of each list in the flattened values; a null list has length 0."""
    ends = pc.cumulative_sum(pc.fill_null(pc.list_value_length(lists), 0))
    return pa.concat_arrays([pa.array([0], pa.int32()), ends])

"""Check that nothing is null where the tables allow no null."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.builders.check.findings import Findings
from nyxqa.schemas.tables import IMAGE, Table

# Parts of lists that are null where something was not retrieved, not answered, or has no URL.
_NULLABLE_INSIDE = frozenset(
    (
        "negative_ranks[]",
        "negative_scores[]",
        "positives[].rank",
        "positives[].score",
        "candidates[].rank",
        "candidates[].score",
        "candidates[].prediction",
        "candidates[].f1",
        "candidates[].correct",
        "closed_book.prediction",
        "closed_book.f1",
        "closed_book.correct",
        "also_at[].url",
        "image_urls[]",
    )
)


def check_nulls(findings: Findings, table: Table, batch: pa.RecordBatch, by_address: bool) -> None:
    """Count nulls of the declared columns, and inside their lists and structs.

    :param by_address: Whether an image may have an address in place of bytes.
    """
    for column in table.schema.names:
        if column not in table.nullable:
            for path, count in _nulls(column, batch.column(column), by_address):
                if count:
                    findings.fail("nulls", f"{table.name}: null in {path}", count)


def _nulls(path: str, values: pa.Array, by_address: bool) -> Iterator[tuple[str, int]]:
    if values.type.equals(IMAGE):
        data, paths = values.field("bytes"), values.field("path")
        yield f"{path}.bytes", pc.coalesce(data, paths.cast(data.type)).null_count if by_address else data.null_count
        return
    if path not in _NULLABLE_INSIDE:
        yield path, values.null_count
    if pa.types.is_list(values.type):
        yield from _nulls(f"{path}[]", values.flatten(), by_address)
    elif pa.types.is_struct(values.type):
        for index in range(values.type.num_fields):
            yield from _nulls(f"{path}.{values.type.field(index).name}", values.field(index), by_address)

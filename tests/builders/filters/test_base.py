"""The contract of filters: order, what each sees, and which reason a row gets."""

from __future__ import annotations

import pyarrow as pa

from nyxqa.builders.filters.base import Rejection, Verdicts, apply_filters

ROWS = pa.table({"n": [1, 2, 3, 4, 5, 6]})


def reject_even(rows: pa.Table) -> Verdicts:
    return [Rejection("even", str(n)) if n % 2 == 0 else None for n in rows["n"].to_pylist()]


def reject_large(rows: pa.Table) -> Verdicts:
    return [Rejection("large", "") if n > 3 else None for n in rows["n"].to_pylist()]


def test_the_first_filter_that_rejects_a_row_gives_the_reason() -> None:
    kept, rejected = apply_filters(ROWS, [reject_even, reject_large])

    assert kept["n"].to_pylist() == [1, 3]
    assert list(rejected) == [1, 3, 4, 5]
    assert rejected[3] == Rejection("even", "4")
    assert rejected[4] == Rejection("large", "")


def test_a_filter_sees_only_what_the_earlier_ones_keep() -> None:
    seen: list[list[int]] = []

    def note(rows: pa.Table) -> Verdicts:
        seen.append(rows["n"].to_pylist())
        return [None] * rows.num_rows

    apply_filters(ROWS, [reject_large, note, reject_even, note])

    assert seen == [[1, 2, 3], [1, 3]]


def test_without_filters_or_rows_everything_is_kept() -> None:
    assert apply_filters(ROWS, []) == (ROWS, {})
    kept, rejected = apply_filters(ROWS.slice(0, 0), [reject_even])
    assert (kept.num_rows, rejected) == (0, {})

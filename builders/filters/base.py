"""The contract of a filter, the same for pages, documents and questions: keep a row, or drop it with a reason.

A new filter is a module in this folder with one callable of type ``Filter``, its settings in the recipe, and an entry
in the list that its stage gives to ``apply_filters``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a row is dropped.

    :param reason: One of the reasons of table ``ledger``.
    :param detail: The property of this row that failed, in words; may be empty.
    """

    reason: str
    detail: str


Verdicts: TypeAlias = list[Rejection | None]


class Filter(Protocol):
    """Decides over the rows of a shard, each by itself."""

    def __call__(self, rows: pa.Table, /) -> Verdicts:
        """One verdict for each row, in order: None to keep it, else why it is dropped."""
        ...


def apply_filters(rows: pa.Table, filters: Sequence[Filter]) -> tuple[pa.Table, dict[int, Rejection]]:
    """Apply filters in order; each sees only the rows that the earlier ones keep.

    :returns: The rows that every filter keeps, and by its number in ``rows``, ascending, why each other row is
        dropped.
    """
    rejected: dict[int, Rejection] = {}
    numbers = np.arange(rows.num_rows)
    for judge in filters:
        verdicts = judge(rows)
        keep = np.array([verdict is None for verdict in verdicts], np.bool_)
        judged = zip(numbers.tolist(), verdicts, strict=True)
        rejected |= {number: verdict for number, verdict in judged if verdict is not None}
        if not keep.all():
            rows, numbers = rows.filter(pa.array(keep)), numbers[keep]
    return rows, dict(sorted(rejected.items()))

"""Rows of all shards brought together by ranges of a key: two maps, where one process would have to see every row.

The first map writes one file for each task, with a row group for each range of the key. The second has one task for
each range: it reads that row group of every file, and gets its rows in the order of (key, shard, row). The number of
ranges follows from a number of items, never from workers, so both maps resume, and give the same bytes, as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput

T = TypeVar("T")
U64 = np.ndarray[Any, np.dtype[np.uint64]]

KEY = "key"  # uint64; spread evenly over all 64 bits, as a hash is, ranges are of similar size
_GROUP_ROWS = 4096  # of what a range gives; readers skip the groups that they need nothing of


@dataclass(frozen=True)
class Items:
    """What decides the number of ranges.

    :param count: Number of items, known when the step runs.
    :param a_range: Items of a range; all rows of a range are in memory at a time.
    """

    count: Callable[[], int]
    a_range: int

    def ranges(self) -> int:
        """Number of ranges, at least one."""
        return max(1, -(-self.count() // self.a_range))


def exchange(
    run: Run,
    items: Items,
    give: tuple[Step, Callable[[T], pa.Table], pa.Schema],
    tasks: Callable[[], Sequence[T]],
    take: tuple[Step, Callable[[pa.Table, int], pa.Table], pa.Schema],
) -> StepOutput:
    """Run (or plan) both maps.

    Equal keys come together in one range, however many rows have them.

    :param give: The first step, its picklable function of one task, and the schema of its rows, with ``KEY``.
    :param tasks: Tasks of the first step, in an order that does not depend on workers.
    :param take: The second step (its input is set here), its picklable function of the rows of one range, in the order
        of (key, shard, row), and of the number of items; and the schema of what it returns.
    :returns: The output of the second step: one file for each range.
    """
    step, function, schema = give
    given = run.map(step, partial(_give, function), partial(_giving, items, tasks), schema)
    after, reduce, result = take
    after = replace(after, inputs=(given.fingerprint,))
    return run.map(after, partial(_take, reduce, given), partial(_taking, items, given), result)


def _giving(items: Items, tasks: Callable[[], Sequence[T]]) -> Iterator[tuple[int, T]]:
    ranges = items.ranges()
    for task in tasks():
        yield ranges, task


def _taking(items: Items, given: StepOutput) -> Iterator[tuple[int, int]]:
    """Each range with the number of items; none if no shard gave anything to read."""
    count = items.count()
    for number in range(items.ranges() if given.files() else 0):
        yield number, count


def _give(function: Callable[[T], pa.Table], task: tuple[int, T]) -> ShardOutput:
    """Rows of one task by range, with a row group for each."""
    ranges, own = task
    rows = function(own)
    numbers = range_numbers(rows[KEY].to_numpy(), ranges)
    order = np.argsort(numbers, kind="stable")
    counts = np.bincount(numbers, minlength=ranges)
    return ShardOutput(rows.take(pa.array(order)), Account(), tuple(counts.tolist()))


def range_numbers(keys: U64, ranges: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The range of each key: equal parts of all 64-bit numbers."""
    return ((keys >> np.uint64(32)) * np.uint64(ranges) >> np.uint64(32)).astype(np.int64)


def _take(function: Callable[[pa.Table, int], pa.Table], given: StepOutput, task: tuple[int, int]) -> ShardOutput:
    """What ``function`` makes of the rows of one range."""
    number, count = task
    tables = []
    for file in given.files():
        with pq.ParquetFile(file) as parquet:
            tables.append(parquet.read_row_group(number))
    rows = pa.concat_tables(tables)
    made = function(rows.take(pa.array(np.argsort(rows[KEY].to_numpy(), kind="stable"))), count)
    full, rest = divmod(made.num_rows, _GROUP_ROWS)
    return ShardOutput(made, Account(), (*[_GROUP_ROWS] * full, *([rest] if rest else [])))


def rows_where(output: StepOutput, column: str, value: int) -> pa.Table:
    """The rows of all ranges whose integer ``column`` is ``value``, in the order of the files.

    Only the row groups that can hold some are read, so what a range gives should be sorted by that column. No column
    holds lists or structs.
    """
    tables = []
    for file in output.files():
        with pq.ParquetFile(file) as parquet:
            place = parquet.schema_arrow.get_field_index(column)
            groups = []
            for number in range(parquet.num_row_groups):
                known = parquet.metadata.row_group(number).column(place).statistics
                if known is None or not known.has_min_max or known.min <= value <= known.max:
                    groups.append(number)
            tables.append(parquet.read_row_groups(groups))
    if not tables:
        raise ValueError(f"{output.folder} holds no files")
    rows = pa.concat_tables(tables)
    return rows.filter(pa.array(rows[column].to_numpy() == value))

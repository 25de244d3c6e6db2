"""Work on one shard: call the stage's function, check its account, write its files, mark it done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Counts, Drop, ShardOutput
from nyxqa.builders.engine.step import Step
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.files import read_json, replacing, write_json
from nyxqa.schemas.tables import LEDGER

_ROWS = 50_000  # of one ledger file


T = TypeVar("T")


@dataclass(frozen=True)
class Job(Generic[T]):
    """One shard to be made.

    :param function: What makes it; picklable.
    :param task: The function's argument.
    :param folder: Where the step's shards lie.
    :param index: Number of the shard.
    :param schema: What its rows must look like.
    """

    function: Callable[[T], ShardOutput]
    task: T
    folder: Path
    index: int
    schema: pa.Schema
    stage: str
    split: str


def part_file(folder: Path, index: int) -> Path:
    """Parquet file of shard ``index``."""
    return folder / f"part-{index:06d}.parquet"


def marker_file(folder: Path, index: int) -> Path:
    """The file that says that shard ``index`` is whole; written last."""
    return folder / f"done-{index:06d}.json"


def run_shard(job: Job[T]) -> tuple[Counts, float]:
    """Make one shard, in whatever process; returns its counts and seconds.

    :raises LawError: If an input item has no fate, or rows do not fit the schema.
    """
    started = time.perf_counter()
    output = job.function(job.task)
    where = f"{job.stage} {job.split} shard {job.index}"
    output.account.check(where)
    if not output.rows.schema.equals(job.schema):
        raise LawError(f"{where}: rows do not fit the schema of the step: {output.rows.schema}")
    write_table(part_file(job.folder, job.index), output.rows)
    drops = [*output.account.dropped, *output.account.notes]
    if drops:
        write_table(job.folder / f"ledger-{job.index:06d}.parquet", ledger_table(drops, job.stage, job.split))
    counts = Counts.of(output)
    write_json(marker_file(job.folder, job.index), asdict(counts))
    return counts, time.perf_counter() - started


def whole_shards(folder: Path) -> dict[int, Counts]:
    """Counts of the shards that are whole, by number."""
    return {int(marker.stem.rpartition("-")[2]): Counts(**read_json(marker)) for marker in folder.glob("done-*.json")}


def write_table(path: Path, table: pa.Table) -> None:
    """Write a working table in one atomic step."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def ledger_table(drops: Sequence[Drop], stage: str, split: str) -> pa.Table:
    """Ledger rows of one stage and split."""
    rows = [
        {
            "stage": stage,
            "split": split,
            "item_type": drop.item_type,
            "item_id": drop.item_id,
            "parent_id": drop.parent_id,
            "reason": drop.reason,
            "detail": drop.line(),
        }
        for drop in drops
    ]
    return pa.Table.from_pylist(rows, schema=LEDGER.schema)


class DropWriter:
    """Writes ledger files into the folder of a whole step, a bounded number of rows at a time in memory.

    :param step: Whose items are dropped.
    """

    def __init__(self, step: Step, folder: Path) -> None:
        self._step = step
        self._folder = folder
        self._waiting: list[Drop] = []
        self._files = 0
        self.count = 0

    def add(self, drop: Drop) -> None:
        """Take one drop."""
        self._waiting.append(drop)
        self.count += 1
        if len(self._waiting) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            table = ledger_table(self._waiting, self._step.stage, self._step.split)
            write_table(self._folder / f"ledger-{self._files:06d}.parquet", table)
            self._waiting = []
            self._files += 1

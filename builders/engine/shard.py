"""Run one shard: call the stage's function, check its account, write its files, mark it as done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Counts, Drop, ShardOutput, without_repeats
from nyxqa.builders.engine.part_files import ledger_file, marker_file, part_file
from nyxqa.builders.engine.step import Step
from nyxqa.schemas.errors import LawError, PendingError
from nyxqa.schemas.files import read_json, replacing, write_json
from nyxqa.schemas.tables import LEDGER

_LEDGER_ROWS = 50_000  # of one ledger file

T = TypeVar("T")


@dataclass(frozen=True)
class Job(Generic[T]):
    """One shard to be written.

    :param function: Computes the shard; picklable.
    :param task: The function's argument.
    :param folder: Folder of the step's shards.
    :param index: Number of the shard, from 0.
    :param schema: Schema that its rows must have.
    """

    function: Callable[[T], ShardOutput]
    task: T
    folder: Path
    index: int
    schema: pa.Schema
    stage: str
    split: str


@dataclass(frozen=True)
class CompleteShard:
    """A shard whose files are complete.

    :param ledger: Rows of its ledger file; it has none if 0.
    """

    counts: Counts
    ledger: int


def run_shard(job: Job[T]) -> tuple[CompleteShard, float]:
    """Compute and write one shard, in any process; returns it and its processor seconds.

    :raises LawError: If the account does not add up, or the rows do not have the step's schema.
    """
    started = time.process_time()
    output = job.function(job.task)
    where = f"{job.stage} {job.split} shard {job.index}"
    output.account.check(where)
    if not output.rows.schema.equals(job.schema):
        raise LawError(f"{where}: rows do not fit the schema of the step: {output.rows.schema}")
    write_table(part_file(job.folder, job.index), output.rows, output.groups)
    notes = without_repeats(output.account.notes)
    drops = [*output.account.dropped, *notes]
    ledger = ledger_file(job.folder, job.index)
    if len(notes) < len(output.account.notes):
        write_table(notes_file(ledger), ledger_table(output.account.notes, job.stage, job.split))
    if drops:
        write_table(ledger, ledger_table(drops, job.stage, job.split))
    made = CompleteShard(Counts.of(output), len(drops))
    write_json(marker_file(job.folder, job.index), {**asdict(made.counts), "ledger": made.ledger})
    return made, time.process_time() - started


def run_shard_or_wait(job: Job[T]) -> tuple[CompleteShard, float] | PendingError:
    """What ``run_shard`` returns, or the error of a shard that waits for answers of a model."""
    try:
        return run_shard(job)
    except PendingError as error:
        return error


def complete_shards(folder: Path) -> dict[int, CompleteShard]:
    """The complete shards of an unfinished step, by number; one that lost a file since is not complete."""
    found = {}
    for marker in sorted(folder.glob("done-*.json")):
        index = int(marker.stem.rpartition("-")[2])
        counts: dict[str, int] = read_json(marker)
        has_ledger = ledger_file(folder, index).is_file()
        ledger = counts.pop("ledger", int(has_ledger))  # 0.1.0 did not note it
        if part_file(folder, index).is_file() and (has_ledger or not ledger):
            found[index] = CompleteShard(Counts(**counts), ledger)
    return found


def write_table(path: Path, table: pa.Table, groups: Sequence[int] = ()) -> None:
    """Write a working table; the file appears complete or not at all.

    :param groups: Rows of each row group, of which some may be empty; by default they are as large as the writer likes.
    """
    with replacing(path) as temporary:
        if not groups:
            pq.write_table(table, temporary, compression="zstd")
            return
        with pq.ParquetWriter(temporary, table.schema, compression="zstd") as writer:
            start = 0
            for rows in groups:
                writer.write_table(table.slice(start, rows), row_group_size=max(rows, 1))
                start += rows


def notes_file(ledger: Path) -> Path:
    """The file beside a shard's ledger with each of its notes, where the ledger has one row for several of them."""
    return ledger.with_name(ledger.name.replace("ledger", "notes", 1))


def ledger_table(drops: Sequence[Drop], stage: str, split: str) -> pa.Table:
    """The ledger rows of drops of one stage and split."""
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
    """Writes ledger files into the folder of a step that runs once; at most one file's rows are in memory.

    :param step: The step that drops the items.
    """

    def __init__(self, step: Step, folder: Path) -> None:
        self._step = step
        self._folder = folder
        self._waiting: list[Drop] = []
        self.files: list[Path] = []
        self.count = 0

    def add(self, drop: Drop) -> None:
        """Add one drop."""
        self._waiting.append(drop)
        self.count += 1
        if len(self._waiting) >= _LEDGER_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the waiting drops."""
        if self._waiting:
            table = ledger_table(self._waiting, self._step.stage, self._step.split)
            self.files.append(ledger_file(self._folder, len(self.files)))
            write_table(self.files[-1], table)
            self._waiting = []

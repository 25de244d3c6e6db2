"""Two maps of an exchange that workers can import, and what must come of them."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from nyxqa.builders.engine.exchange import KEY, Items, exchange
from nyxqa.builders.engine.executors.protocol import Executor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.engine.working_run import WorkingRun

GIVEN = pa.schema([(KEY, pa.uint64()), ("shard", pa.int32()), ("row", pa.int32())])
TAKEN = pa.schema([("shard", pa.int32()), ("row", pa.int32()), (KEY, pa.uint64()), ("items", pa.int64())])

Shard = tuple[int, list[int]]  # its number and the keys of its rows


def give(log: Path, task: Shard) -> pa.Table:
    shard, keys = task
    _note(log / f"give-{shard}")
    columns = [np.array(keys, np.uint64), np.full(len(keys), shard, np.int32), np.arange(len(keys), dtype=np.int32)]
    return pa.table(dict(zip(GIVEN.names, columns, strict=True)), schema=GIVEN)


def take(log: Path, rows: pa.Table, items: int) -> pa.Table:
    """The rows as they come; kills its process if the log has a file ``kill``."""
    _note(log / f"take-{rows[KEY][0].as_py() if len(rows) else 'nothing'}")
    if (log / "kill").exists():
        (log / "kill").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return rows.append_column("items", pa.array([items] * len(rows), pa.int64())).select(TAKEN.names)


def exchanged(work: Path, executor: Executor, shards: list[Shard], a_range: int) -> StepOutput:
    """What both maps give; each call of them leaves a mark in the folder ``log``."""
    (work / "log").mkdir(parents=True, exist_ok=True)
    return exchange(
        WorkingRun(work, executor, Progress(), traced=False),
        Items(partial(sum, [len(keys) for _, keys in shards]), a_range),
        (Step("stage/give", 1), partial(give, work / "log"), GIVEN),
        lambda: shards,
        (Step("stage/take", 1), partial(take, work / "log"), TAKEN),
    )


def begun(work: Path) -> dict[str, int]:
    """How often each call was begun."""
    return {file.name: len(file.read_text()) for file in (work / "log").iterdir()}


def _note(file: Path) -> None:
    with file.open("a") as log:
        log.write("x")

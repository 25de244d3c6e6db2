"""Tasks that workers can import."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pyarrow as pa

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.database import database

NUMBERS = pa.schema([("n", pa.int64())])


class UnlikelyError(Exception):
    """Raised by a task."""


def double(number: int) -> int:
    return 2 * number


def slow_if_even(number: int) -> int:
    """The later task is done first."""
    time.sleep(0.05 * (number % 2 == 0))
    return number


def process_of(_: object) -> int:
    time.sleep(0.05)
    return os.getpid()


def fail_on_three(number: int) -> int:
    if number == 3:
        raise UnlikelyError("three")
    return number


def fail_at_once(data: bytes) -> int:
    raise UnlikelyError(str(len(data)))


def write_pid_and_sleep(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(600)


def write_pid_and_block(folder: Path) -> None:
    """Stay in one call that lets no other thread of the process run."""
    (folder / str(os.getpid())).touch()
    re.match(r"(a+)+$", "a" * 64 + "b")


def kill_itself(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def shard(numbers: tuple[int, ...]) -> ShardOutput:
    """Even numbers stay, odd ones are dropped."""
    even = [n for n in numbers if n % 2 == 0]
    drops = [Drop("row", str(n), "", "odd", f"{n}\nis odd") for n in numbers if n % 2]
    notes = [Drop("image", f"{n}:0", str(n), "dead") for n in even if n == 4]
    return ShardOutput(
        pa.table({"n": even}, schema=NUMBERS),
        Account([str(n) for n in numbers], [str(n) for n in even], drops, notes),
    )


def logged_shard(log: Path, numbers: tuple[int, ...]) -> ShardOutput:
    """As ``shard``, and leave a mark of the call."""
    log.mkdir(exist_ok=True)
    with (log / str(numbers[0])).open("a") as file:
        file.write("x")
    return shard(numbers)


def endless_query(_: object) -> None:
    """Say so, and let DuckDB work again and again."""
    import duckdb

    sys.stdout.write("working\n")
    sys.stdout.flush()
    database = duckdb.connect()
    while True:  # one long query would keep DuckDB from looking for signals until it ends
        database.execute("SELECT count(*) FROM range(20000000) t(n) WHERE hash(n) = 1").fetchall()


def database_settings(folder: Path) -> tuple[str, int, bool]:
    """Memory limit and threads of a database of a job, and whether it lies outside the shared folder."""
    with database(folder) as connection:
        found = connection.execute("SELECT current_setting('memory_limit'), current_setting('threads')").fetchone()
        assert found is not None
        return str(found[0]), int(found[1]), not [*folder.iterdir()]


def setting(name: str) -> str | None:
    """A value of the environment of the worker."""
    return os.environ.get(name)


def converts_without_pandas(number: int) -> bool:
    """Whether PyArrow turns values into arrays and back without importing pandas."""
    import pyarrow as pa

    rows = pa.Table.from_pylist([{"number": number}]).to_pylist()
    return rows == [{"number": number}] and "pandas" not in sys.modules


class SlowLoggedShard:
    """As ``logged_shard``, and takes its time.

    :param log: Folder of the marks.
    :param seconds: How long a call lasts.
    """

    def __init__(self, log: Path, seconds: float) -> None:
        self.log, self.seconds = log, seconds

    def __call__(self, numbers: tuple[int, ...]) -> ShardOutput:
        """Leave a mark, wait, and return the shard."""
        made = logged_shard(self.log, numbers)
        time.sleep(self.seconds)
        return made


def note_devices(folder: Path) -> None:
    """Leave a file that says which GPUs this process sees."""
    (folder / "devices").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))

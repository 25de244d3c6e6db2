"""Drops of a whole step, written to its ledger as they come."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.engine.shard import ledger_table, write_table
from nyxqa.builders.engine.step import Step

_ROWS = 50_000  # of one ledger file


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

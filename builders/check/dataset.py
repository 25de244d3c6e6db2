"""The dataset under examination: its manifest, and which of its tables can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from nyxqa.builders.check.findings import Findings
from nyxqa.builders.views import table_files
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import TABLES

BATCH_ROWS = 100  # what a row group of a table with images holds at most


@dataclass
class Examined:
    """A dataset, what was found out about it, and the tables that later checks must leave alone.

    :param unreadable: Why a table cannot be read, by its name.
    """

    out: Path
    manifest: Manifest
    findings: Findings
    unreadable: dict[str, str] = field(default_factory=dict)

    def ready(self, tables: tuple[str, ...], *names: str) -> bool:
        """Begin these checks if all ``tables`` can be read, else skip them."""
        for table in tables:
            if table in self.unreadable:
                self.findings.skip(f"table {table} cannot be read: {self.unreadable[table]}", *names)
                return False
        self.findings.begin(*names)
        return True

    def files(self) -> dict[str, dict[str, list[Path]]]:
        """Files of the tables that can be read, by table and split."""
        listed = table_files(self.out, self.manifest)
        return {name: {} if name in self.unreadable else listed[name] for name in TABLES}

    def rows(self, table: str, columns: list[str] | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Split and row, in order, a batch at a time in memory."""
        for split, files in self.files()[table].items():
            for file in files:
                with pq.ParquetFile(file) as parquet:
                    for batch in parquet.iter_batches(BATCH_ROWS if columns is None else 10_000, columns=columns):
                        for row in batch.to_pylist():
                            yield split, row

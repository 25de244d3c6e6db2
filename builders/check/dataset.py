"""The dataset under examination: its manifest, and which of its tables can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.check.findings import Findings
from nyxqa.builders.check.nulls import check_nulls
from nyxqa.builders.views import table_files
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import TABLES

_IMAGE_BATCH = 100  # rows; what a row group of a table with images holds at most
_PLAIN_BATCH = 10_000


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
        """Begin these checks if all ``tables`` can be read, else say that they are not run."""
        for table in tables:
            if table in self.unreadable:
                self.findings.skip(self.unreadable[table], *names)
                return False
        self.findings.begin(*names)
        return True

    def files(self) -> dict[str, dict[str, list[Path]]]:
        """Files of the tables that can be read, by table and split."""
        listed = table_files(self.out, self.manifest)
        return {name: {} if name in self.unreadable else listed[name] for name in TABLES}

    def rows(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Split and row, in order, a batch at a time in memory; nulls are counted in passing."""
        table = TABLES[name]
        for split, batch in self._batches(name, table.schema.names):
            check_nulls(self.findings, table, batch)
            for row in batch.to_pylist():
                yield split, row

    def keys(self, name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Split and values of ``columns`` of each row, in order."""
        for split, batch in self._batches(name, list(columns)):
            for values in zip(*(batch.column(column).to_pylist() for column in columns), strict=True):
                yield split, values

    def _batches(self, name: str, columns: list[str]) -> Iterator[tuple[str, pa.RecordBatch]]:
        plain = set(columns) <= set(TABLES[name].plain_columns)
        for split, files in self.files()[name].items():
            for file in files:
                with pq.ParquetFile(file) as parquet:
                    for batch in parquet.iter_batches(_PLAIN_BATCH if plain else _IMAGE_BATCH, columns=columns):
                        yield split, batch

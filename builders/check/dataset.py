"""The dataset under examination: its manifest, and which of its tables can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.check.findings import Findings
from nyxqa.builders.check.nulls import check_nulls
from nyxqa.schemas.loading.published import Published
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

    @property
    def by_address(self) -> bool:
        """Whether images were published by address."""
        return Published(self.out, self.manifest).by_address

    def published(self) -> Published:
        """The dataset less the tables that cannot be read."""
        files = {
            path: entry for path, entry in self.manifest.files.items() if path.split("/")[1] not in self.unreadable
        }
        return Published(self.out, replace(self.manifest, files=files))

    def rows(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Split and row, in order, a batch at a time in memory; nulls are counted in passing."""
        table = TABLES[name]
        size = _IMAGE_BATCH if table.has_images else _PLAIN_BATCH
        for split, batch in self._batches(name, table.schema.names, size):
            check_nulls(self.findings, table, batch, self.by_address)
            for row in batch.to_pylist():
                yield split, row

    def keys(self, name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Split and values of ``columns``, none of images, of each row, in order."""
        for split, batch in self._batches(name, list(columns), _PLAIN_BATCH):
            for values in zip(*(batch.column(column).to_pylist() for column in columns), strict=True):
                yield split, values

    def _batches(self, name: str, columns: list[str], size: int) -> Iterator[tuple[str, pa.RecordBatch]]:
        published = self.published()
        for split in published.splits(name):
            for file in published.files(name, split):
                with pq.ParquetFile(file) as parquet:
                    for batch in parquet.iter_batches(size, columns=columns):
                        yield split, batch

"""What a check is given: the dataset, its readable tables as rows and as SQL views, and where findings are recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nyxqa.builders.check.findings import EXAMPLES, Findings
from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.workdir import scratch_folder
from nyxqa.builders.report.views import add_views
from nyxqa.schemas.loading.earlier_format import read_batches
from nyxqa.schemas.loading.published import Published
from nyxqa.schemas.loading.required_values import complete_rows, null_counts
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import TABLES

if TYPE_CHECKING:
    import duckdb

_IMAGE_BATCH = 100  # rows; the most that a row group of a table with images holds
_PLAIN_BATCH = 10_000


@dataclass
class CheckContext:
    """A dataset under check; a context manager that removes its database at the end.

    :param findings: Where checks record what they find.
    :param unreadable: Why a table cannot be read, by table name; later checks leave these tables out.
    :param incomplete: Tables with a null where no null may be.
    """

    out: Path
    manifest: Manifest
    findings: Findings
    unreadable: dict[str, str] = field(default_factory=dict)
    incomplete: set[str] = field(default_factory=set)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> CheckContext:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @cached_property
    def db(self) -> duckdb.DuckDBPyConnection:
        """A database with a view of each table that was readable at first use."""
        db = self._open.enter_context(database(scratch_folder(self.out)))
        add_views(db, self.published())
        return db

    def ready(self, tables: tuple[str, ...], *names: str) -> bool:
        """Start the checks ``names`` if all ``tables`` can be read, else record why they are not run.

        :return: Whether they were started.
        """
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
        """The dataset without the tables that cannot be read."""
        files = {
            path: entry for path, entry in self.manifest.files.items() if path.split("/")[1] not in self.unreadable
        }
        return Published(self.out, replace(self.manifest, files=files))

    def rows(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Split and row of table ``name``, in order, one batch in memory.

        Nulls are counted on the way; rows that lack a value or an item of a list are left out.
        """
        table = TABLES[name]
        size = _IMAGE_BATCH if table.has_images else _PLAIN_BATCH
        for split, batch in self._batches(name, table.schema.names, size):
            for path, count in null_counts(table, batch, self.by_address):
                self.findings.fail("nulls", f"{table.name}: null in {path}", count)
            complete = complete_rows(table, batch, self.by_address)
            if complete.num_rows < batch.num_rows:
                self.incomplete.add(name)
            for row in complete.to_pylist():
                yield split, row

    def keys(self, name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Split and values of ``columns``, which must not hold images, of each row, in order."""
        for split, batch in self._batches(name, list(columns), _PLAIN_BATCH):
            for values in zip(*(batch.column(column).to_pylist() for column in columns), strict=True):
                yield split, values

    def _batches(self, name: str, columns: list[str], size: int) -> Iterator[tuple[str, pa.RecordBatch]]:
        published = self.published()
        for split in published.splits(name):
            for file in published.files(name, split):
                for batch in read_batches(file, TABLES[name], size, lambda _: columns):
                    yield split, batch


@dataclass(frozen=True, slots=True)
class SqlCheck:
    """A check made by one query.

    :param tables: Tables it reads.
    :param query: Returns a text column ``example``, one row for each failure.
    """

    name: str
    tables: tuple[str, ...]
    query: str


def run_sql_checks(context: CheckContext, checks: Iterable[SqlCheck]) -> None:
    """Run each check whose tables can be read."""
    for check in checks:
        if context.ready(check.tables, check.name):
            record_failures(context, check.name, check.query)


def record_failures(context: CheckContext, name: str, query: str) -> None:
    """Record each row of ``query`` as a failure of check ``name``; the examples are its first in alphabetical order."""
    summary = f"SELECT count(*), min(example, {EXAMPLES}) FROM ({query})"  # noqa: S608
    count, examples = context.db.execute(summary).fetchall()[0]
    for index, example in enumerate(examples or []):
        last = index == len(examples) - 1
        context.findings.fail(name, example, count - index if last else 1)

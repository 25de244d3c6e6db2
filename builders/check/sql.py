"""Checks made by SQL: each query gives one line for every row that breaks the check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nyxqa.builders.check.dataset import Examined
from nyxqa.builders.check.findings import EXAMPLES

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Sql:
    """One check.

    :param tables: Tables it reads.
    :param query: Gives a column ``example`` of text, one row for each failure.
    """

    name: str
    tables: tuple[str, ...]
    query: str


def run_sql_checks(db: duckdb.DuckDBPyConnection, examined: Examined, checks: Iterable[Sql]) -> None:
    """Run each check whose tables can be read; its examples are the first in alphabetical order."""
    for check in checks:
        if examined.ready(check.tables, check.name):
            tell(db, examined, check.name, check.query)


def tell(db: duckdb.DuckDBPyConnection, examined: Examined, name: str, query: str) -> None:
    """Note what ``query`` finds as failures of ``name``."""
    summary = f"SELECT count(*), min(example, {EXAMPLES}) FROM ({query})"  # noqa: S608
    count, examples = db.execute(summary).fetchall()[0]
    for index, example in enumerate(examples or []):
        last = index == len(examples) - 1
        examined.findings.fail(name, example, count - index if last else 1)

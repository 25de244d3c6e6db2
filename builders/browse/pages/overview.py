"""The numbers of the first page, each with the query that gives it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nyxqa.builders.browse.dataset import BrowsedDataset
from nyxqa.builders.report.lines import shortfall_lines
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.sql import string_literal
from nyxqa.schemas.tables import TABLES


@dataclass(frozen=True)
class Number:
    """A number, what it counts, and the SQL that gives the same."""

    value: int
    label: str
    query: str
    path: str = ""


def numbers(dataset: BrowsedDataset) -> list[Number]:
    """Rows of each table and split."""
    manifest = dataset.published.manifest
    found = []
    for table in TABLES:
        for split in manifest.splits(table):
            column = "pool" if table == "corpus" else "split"
            condition = f" WHERE {column} = {string_literal(split)}" if table != "ledger" else ""
            query = f"SELECT count(*) FROM {table}{condition}"
            path = f"/rows?split={split}" if table == "triplets" else "/drops" if table == "ledger" else ""
            found.append(Number(dataset.count(table, split), f"{table} {split}", query, path))
    return found


def drops(dataset: BrowsedDataset) -> list[tuple[str, str, int, str]]:
    """Stage, reason, number of ledger rows and the query that counts them."""
    rows = dataset.views.rows(
        "SELECT stage, reason, count(*) AS rows FROM ledger GROUP BY ALL ORDER BY rows DESC, stage, reason"
    )
    template = "SELECT count(*) FROM ledger WHERE stage = {} AND reason = {}"
    return [
        (
            row["stage"],
            row["reason"],
            row["rows"],
            template.format(string_literal(row["stage"]), string_literal(row["reason"])),
        )
        for row in rows
    ]


def notes(manifest: Manifest) -> Iterator[str]:
    """What the dataset lacks, and how it was made."""
    yield from shortfall_lines(manifest) if manifest.summary else ()

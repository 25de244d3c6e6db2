"""A build that published nothing: its funnel so far, what it dropped, and why it ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.trace import TracedStep, read_trace
from nyxqa.builders.engine.workdir import scratch_folder
from nyxqa.builders.report.funnel import counts_line, emptied, joined_stages
from nyxqa.builders.report.table_counts import Drops, drop_counts
from nyxqa.builders.report.working_texts import working_texts
from nyxqa.schemas.manifest import MANIFEST, WORK, StageEntry
from nyxqa.schemas.sql import file_list
from nyxqa.schemas.tables import LEDGER

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_EXAMPLES = 5  # dropped items that are shown
_FUNNEL = pa.schema(
    [
        *((name, pa.string()) for name in ("stage", "split", "unit_in", "unit_out")),
        *((name, pa.int64()) for name in ("rows_in", "parents", "dropped", "not_sampled", "rows_out")),
        ("seconds", pa.float64()),
    ]
)


@dataclass(frozen=True)
class UnfinishedReport:
    """What is known of a build without a manifest.

    :param ended: The line with which it ended; empty if it was killed or still runs.
    :param emptied: Names of the stages, with their split, that took the last rows.
    :param examples: Items that such a stage dropped, or else the last stage that dropped any: ids, reason, detail and
        texts.
    """

    out: str
    ended: str
    stages: list[StageEntry]
    emptied: list[str]
    drops: list[Drops]
    examples: list[dict[str, str]]


@dataclass(frozen=True)
class Unfinished:
    """The folder of a build without a manifest.

    :param steps: Its finished steps, in order.
    """

    out: Path
    steps: list[TracedStep]
    ended: str

    @property
    def stages(self) -> list[StageEntry]:
        """Its finished stages in numbers."""
        return joined_stages(self.steps)

    def files(self) -> list[Path]:
        """The files of its ledger."""
        folders = [step.folder(self.out / WORK) for step in self.steps]
        return [file for folder in folders for file in sorted(folder.glob("ledger-*.parquet"))]

    def add_views(self, db: DuckDBPyConnection) -> None:
        """Add the views ``ledger`` and ``funnel``."""
        files = self.files()
        if files:
            db.execute(f"CREATE TEMP VIEW ledger AS FROM read_parquet({file_list(files)})")
        else:
            db.register("ledger", LEDGER.schema.empty_table())
        add_funnel(db, self.stages)


def open_unfinished(out: Path) -> Unfinished | None:
    """The unfinished build in ``out``; None if a dataset is published there, or no step was finished."""
    if (out / MANIFEST).exists():
        return None
    steps, ended = read_trace(out / WORK)
    return Unfinished(out, steps, ended) if steps else None


def add_funnel(db: DuckDBPyConnection, stages: Sequence[StageEntry]) -> None:
    """Add the view ``funnel``: a row for each stage and split."""
    rows = [{**asdict(entry), "stage": entry.name} for entry in stages]
    db.register("funnel", pa.Table.from_pylist(rows, schema=_FUNNEL))


def report_unfinished(build: Unfinished) -> UnfinishedReport:
    """The report on an unfinished build."""
    stages = build.stages
    with database(scratch_folder(build.out)) as db:
        build.add_views(db)
        drops = drop_counts(db, stages)
        taken = emptied(stages) or [entry for entry in stages if entry.dropped][-1:]
        examples = [example for entry in taken for example in _examples(db, build, entry)]
    names = [f"{entry.name} {entry.split}".strip() for entry in emptied(stages)]
    return UnfinishedReport(str(build.out), build.ended, stages, names, drops, examples[:_EXAMPLES])


def funnel_lines(report: UnfinishedReport) -> list[str]:
    """The counts of each split, and which stage took the last."""
    splits = list(dict.fromkeys(entry.split for entry in report.stages if entry.split)) or [""]
    lines = [f"{split}: " * bool(split) + counts_line(report.stages, split) for split in splits]
    return lines + [f"stage {name} took the last" for name in report.emptied]


def as_json(report: UnfinishedReport) -> str:
    """The report as one JSON object."""
    return json.dumps(asdict(report), ensure_ascii=False, indent=1) + "\n"


def _examples(db: DuckDBPyConnection, build: Unfinished, entry: StageEntry) -> list[dict[str, str]]:
    """Dropped items of one stage, with the texts of their rows before it."""
    query = (
        "SELECT item_type, item_id, parent_id, reason, detail FROM ledger "
        "WHERE stage = $stage AND split = $split AND item_type = $unit ORDER BY item_id LIMIT $limit"
    )
    values = {"stage": entry.name, "split": entry.split, "unit": entry.unit_in, "limit": _EXAMPLES}
    found = db.execute(query, values).fetchall()
    rows = [dict(zip(("item_type", "item_id", "parent_id", "reason", "detail"), row, strict=True)) for row in found]
    texts = working_texts(build.steps, build.out / WORK, {row["item_id"]: row["item_type"] for row in rows})
    return [{**row, **texts.get(row["item_id"], {})} for row in rows]

"""The ledger of a published dataset: every stage's numbers add up, and its dropped items stand in the ledger."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.builders.check.dataset import Examined
from nyxqa.builders.engine.accounting import DETAIL_LIMIT
from nyxqa.builders.stages.names import STAGES
from nyxqa.schemas.manifest import StageEntry
from nyxqa.schemas.tables import QA_SPLITS

if TYPE_CHECKING:
    import duckdb

LEDGER_CHECKS = ("ledger_sums", "ledger_dropped", "ledger_stages", "ledger_detail", "stage_chain", "stage_tables")
_ITEM_TYPES = frozenset(("page", "image", "document", "question", "row"))
# Paths of machines; a reference in a page may start with a slash as well and is no secret.
_MACHINE_PATH = re.compile(r"(?<![\w./-])(?:/(?:home|root|tmp|usr|var|mnt|opt|etc|srv|Users|private|proc)/|[A-Z]:\\\w)")
# What the last stage writes: questions of pages, whose triplets another check holds against them, and set triplets.
_PUBLISHED = """
    SELECT split, count(*) FROM (SELECT split FROM qa UNION ALL SELECT split FROM triplets WHERE dataset <> 'nyxqa')
    GROUP BY 1
"""
_SPLIT_STAGE = STAGES.index("sample")  # from here on stages see one split


def check_ledger(db: duckdb.DuckDBPyConnection, examined: Examined) -> None:
    """Hold the manifest's stages against the ledger and the tables, and against each other."""
    examined.findings.begin("ledger_sums", "stage_chain")
    _check_sums(examined)
    _check_chain(examined)
    if examined.ready(("ledger",), "ledger_dropped", "ledger_stages", "ledger_detail"):
        _check_dropped(db, examined)
        _check_details(examined)
    if examined.ready(("corpus", "qa", "triplets"), "stage_tables"):
        _check_tables(db, examined)


def _label(entry: StageEntry) -> str:
    return f"{entry.name} {entry.split}".strip()


def _check_sums(examined: Examined) -> None:
    for entry in examined.manifest.stages:
        sum_ = entry.parents + entry.dropped + entry.not_sampled
        if entry.rows_in != sum_ or min(entry.parents, entry.dropped, entry.not_sampled, entry.rows_out) < 0:
            numbers = f"{entry.parents} parents + {entry.dropped} dropped + {entry.not_sampled} not sampled"
            examined.findings.fail("ledger_sums", f"{_label(entry)}: {entry.rows_in} rows in, but {numbers}")


def _check_chain(examined: Examined) -> None:
    """Each stage of the web builder reads what the one before it wrote, and the last what all builders wrote."""
    entries = {(entry.name, entry.split): entry for entry in examined.manifest.stages}
    web = examined.manifest.recipe.get("web") is not None
    chains = [[("", name) for name in STAGES[:_SPLIT_STAGE]]] if web else []
    chains += [[(split, name) for name in STAGES[_SPLIT_STAGE:-1]] for split in _splits(examined)] if web else []
    for chain in chains:
        missing = [f"{name} {split}".strip() for split, name in chain if (name, split) not in entries]
        if missing:
            examined.findings.fail("stage_chain", f"stage {missing[0]} is not in the manifest")
        for before, after in pairwise(entries[name, split] for split, name in chain if (name, split) in entries):
            if before.rows_out != after.rows_in:
                numbers = f"{before.rows_out} rows out of {_label(before)}, {after.rows_in} into {_label(after)}"
                examined.findings.fail("stage_chain", numbers)
    for split in _splits(examined):
        _check_last(examined, entries, split)


def _splits(examined: Examined) -> list[str]:
    """Splits that any stage worked on."""
    there = {entry.split for entry in examined.manifest.stages}
    return [split for split in QA_SPLITS if split in there]


def _check_last(examined: Examined, entries: Mapping[tuple[str, str], StageEntry], split: str) -> None:
    """The last stage reads the questions of the web builder and the triplets of all sets."""
    last = entries.get((STAGES[-1], split))
    if last is None:
        examined.findings.fail("stage_chain", f"stage {STAGES[-1]} {split} is not in the manifest")
        return
    before = [entry for entry in entries.values() if entry.split == split and _feeds_last(entry)]
    if (rows := sum(entry.rows_out for entry in before)) != last.rows_in:
        names = ", ".join(entry.name for entry in before)
        examined.findings.fail("stage_chain", f"{rows} rows out of {names} {split}, {last.rows_in} into {_label(last)}")


def _feeds_last(entry: StageEntry) -> bool:
    return entry.name == STAGES[-2] or (entry.name not in STAGES and entry.unit_out == "triplet")


def _check_dropped(db: duckdb.DuckDBPyConnection, examined: Examined) -> None:
    query = "SELECT stage, split, item_type, count(*) FROM ledger GROUP BY ALL ORDER BY ALL"
    found = {(stage, split, kind): count for stage, split, kind, count in db.execute(query).fetchall()}
    known = Counter((entry.name, entry.split) for entry in examined.manifest.stages)
    for (stage, split, kind), count in found.items():
        if (stage, split) not in known:
            examined.findings.fail("ledger_stages", f"{count} rows of stage {stage} {split}, which did not run")
        if kind not in _ITEM_TYPES:
            examined.findings.fail("ledger_stages", f"{count} rows of item type {kind!r}")
    for label, times in known.items():
        if times > 1:
            examined.findings.fail("ledger_stages", f"the manifest names {' '.join(label).strip()} {times} times")
    for entry in examined.manifest.stages:
        rows = found.get((entry.name, entry.split, entry.unit_in), 0)
        if rows != entry.dropped:
            counted = f"{entry.dropped} of its items dropped, {rows} rows in the ledger"
            examined.findings.fail("ledger_dropped", f"{_label(entry)}: {counted}")


def _check_details(examined: Examined) -> None:
    own = {str(folder) for folder in (examined.out.resolve(), Path.home()) if folder != folder.parent}
    columns = ("stage", "item_id", "reason", "detail", "parent_id")
    for _, (stage, item, reason, detail, parent) in examined.keys("ledger", columns):
        wrong = ""
        if len(detail) > DETAIL_LIMIT:
            wrong = f"a detail of {len(detail)} characters"
        elif len(detail.splitlines()) > 1:
            wrong = "a detail of several lines"
        elif not reason:
            wrong = "no reason"
        elif any(
            _MACHINE_PATH.search(text) or any(folder in text for folder in own) for text in (detail, item, parent)
        ):
            wrong = "an absolute path"
        if wrong:
            examined.findings.fail("ledger_detail", f"{stage} {item}: {wrong}")


def _check_tables(db: duckdb.DuckDBPyConnection, examined: Examined) -> None:
    """Rows of the tables are those that the stages say they wrote."""
    entries = {(entry.name, entry.split): entry for entry in examined.manifest.stages}
    documents = dict(db.execute("SELECT split, count(*) FROM corpus WHERE pool = 'web' GROUP BY 1").fetchall())
    questions = dict(db.execute(_PUBLISHED).fetchall())
    expected = {("split", ""): sum(documents.values())}
    expected |= {("assemble", split): questions.get(split, 0) for split in QA_SPLITS}
    for key, rows in expected.items():
        if key not in entries and rows:
            examined.findings.fail("stage_tables", f"{rows} rows of stage {' '.join(key).strip()}, which did not run")
        elif key in entries and entries[key].rows_out != rows:
            told = f"{entries[key].rows_out} rows out of {_label(entries[key])}, {rows} in the tables"
            examined.findings.fail("stage_tables", told)
    for split in QA_SPLITS:
        sampled = entries.get(("sample", split))
        if sampled is not None and sampled.rows_in != documents.get(split, 0):
            told = f"{sampled.rows_in} rows into sample {split}, {documents.get(split, 0)} documents in corpus"
            examined.findings.fail("stage_tables", told)

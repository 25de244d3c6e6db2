"""Checks of the ledger: the counts of every stage add up, and every dropped item has a ledger row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from nyxqa.builders.check.context import CheckContext
from nyxqa.builders.engine.accounting import DETAIL_LIMIT
from nyxqa.builders.stages.names import FEEDBACK, OPTIONAL_STAGES, REVIEW, STAGES, is_qrels
from nyxqa.schemas.manifest import StageEntry
from nyxqa.schemas.tables import DATASET, QA_SPLITS

LEDGER_CHECKS = ("ledger_sums", "ledger_dropped", "ledger_stages", "ledger_detail", "stage_chain", "stage_tables")
_ITEM_TYPES = frozenset(("page", "block", "image", "document", "question", "negative", "row"))
# Paths on a machine. A reference in a page may start with a slash too, but reveals nothing about the machine.
_MACHINE_PATH = re.compile(r"(?<![\w./-])(?:/(?:home|root|tmp|usr|var|mnt|opt|etc|srv|Users|private|proc)/|[A-Z]:\\\w)")
# What the last stage writes: questions, each in ``qa``, in ``triplets`` or in both (``qa_triplets`` compares them).
_PUBLISHED = """
    SELECT split, count(*) FROM (SELECT split, dataset, qa_id FROM qa WHERE dataset = {dataset}
        UNION ALL (SELECT split, dataset, qa_id FROM qa WHERE dataset <> {dataset}
                   UNION SELECT split, dataset, query_id FROM triplets WHERE dataset <> {dataset}))
    GROUP BY 1
""".format(dataset=f"'{DATASET}'")  # noqa: S608
_SPLIT_STAGE = STAGES.index("sample")  # from here on a stage works on one split


def check_ledger(context: CheckContext) -> None:
    """Compare the stages in the manifest with each other, with the ledger and with the tables."""
    context.findings.begin("ledger_sums", "stage_chain")
    _check_sums(context)
    _check_chain(context)
    if context.ready(("ledger",), "ledger_dropped", "ledger_stages", "ledger_detail"):
        _check_dropped(context)
        _check_details(context)
    if context.ready(("corpus", "qa", "triplets"), "stage_tables"):
        _check_tables(context)


def _label(entry: StageEntry) -> str:
    return f"{entry.name} {entry.split}".strip()


def _check_sums(context: CheckContext) -> None:
    for entry in context.manifest.stages:
        total = entry.parents + entry.dropped + entry.not_sampled
        if entry.rows_in != total or min(entry.parents, entry.dropped, entry.not_sampled, entry.rows_out) < 0:
            numbers = f"{entry.parents} parents + {entry.dropped} dropped + {entry.not_sampled} not sampled"
            context.findings.fail("ledger_sums", f"{_label(entry)}: {entry.rows_in} rows in, but {numbers}")


def _check_chain(context: CheckContext) -> None:
    """Check that each web stage reads what the previous one wrote, and the last stage what all builders wrote."""
    entries = {(entry.name, entry.split): entry for entry in context.manifest.stages}
    web = context.manifest.recipe.get("web") is not None
    chains = [[("", name) for name in STAGES[:_SPLIT_STAGE]]] if web else []
    chains += [[(split, name) for name in STAGES[_SPLIT_STAGE:-1]] for split in _splits(context)] if web else []
    for chain in chains:
        missing = [
            f"{name} {split}".strip()
            for split, name in chain
            if (name, split) not in entries and name not in OPTIONAL_STAGES
        ]
        if missing:
            context.findings.fail("stage_chain", f"stage {missing[0]} is not in the manifest")
        for before, after in pairwise(entries[name, split] for split, name in chain if (name, split) in entries):
            if before.rows_out != after.rows_in:
                numbers = f"{before.rows_out} rows out of {_label(before)}, {after.rows_in} into {_label(after)}"
                context.findings.fail("stage_chain", numbers)
    for split in _splits(context):
        _check_last(context, entries, split)


def _splits(context: CheckContext) -> list[str]:
    """Splits that some stage worked on."""
    worked_on = {entry.split for entry in context.manifest.stages}
    return [split for split in QA_SPLITS if split in worked_on]


def _check_last(context: CheckContext, entries: Mapping[tuple[str, str], StageEntry], split: str) -> None:
    """Check that the last stage reads the questions of the web builder and the triplets of all sets."""
    last = entries.get((STAGES[-1], split))
    if last is None:
        context.findings.fail("stage_chain", f"stage {STAGES[-1]} {split} is not in the manifest")
        return
    own = [entry for entry in entries.values() if entry.split == split]
    web = [entry for name in STAGES[:-1] for entry in own if entry.name == name]
    before = [*web[-1:], *(entry for entry in own if _is_of_set(entry))]
    reviewed = entries.get((REVIEW, split))  # works on the rows of all builders
    for entry in (last,) if reviewed is None else (reviewed, last):
        if (rows := sum(one.rows_out for one in before)) != entry.rows_in:
            names = ", ".join(one.name for one in before)
            numbers = f"{rows} rows out of {names} {split}, {entry.rows_in} into {_label(entry)}"
            context.findings.fail("stage_chain", numbers)
        before = [entry]


def _is_of_set(entry: StageEntry) -> bool:
    other = entry.name in (*STAGES, REVIEW, FEEDBACK) or is_qrels(entry.name)
    return not other and entry.unit_out in ("triplet", "question")


def _check_dropped(context: CheckContext) -> None:
    query = "SELECT stage, split, item_type, count(*) FROM ledger GROUP BY ALL ORDER BY ALL"
    rows_by_key = {(stage, split, kind): count for stage, split, kind, count in context.db.execute(query).fetchall()}
    known = Counter((entry.name, entry.split) for entry in context.manifest.stages)
    for (stage, split, kind), count in rows_by_key.items():
        if (stage, split) not in known:
            context.findings.fail("ledger_stages", f"{count} rows of stage {stage} {split}, which did not run")
        if kind not in _ITEM_TYPES:
            context.findings.fail("ledger_stages", f"{count} rows of item type {kind!r}")
    for label, times in known.items():
        if times > 1:
            context.findings.fail("ledger_stages", f"the manifest lists {' '.join(label).strip()} {times} times")
    for entry in context.manifest.stages:
        rows = rows_by_key.get((entry.name, entry.split, entry.unit_in), 0)
        if rows != entry.dropped:
            counted = f"{entry.dropped} items dropped, but {rows} rows in the ledger"
            context.findings.fail("ledger_dropped", f"{_label(entry)}: {counted}")


def _check_details(context: CheckContext) -> None:
    private = {str(folder) for folder in (context.out.resolve(), Path.home()) if folder != folder.parent}
    columns = ("stage", "item_id", "reason", "detail", "parent_id")
    for _, (stage, item, reason, detail, parent) in context.keys("ledger", columns):
        wrong = ""
        if len(detail) > DETAIL_LIMIT:
            wrong = f"a detail of {len(detail)} characters"
        elif len(detail.splitlines()) > 1:
            wrong = "a detail of several lines"
        elif not reason:
            wrong = "no reason"
        elif any(
            _MACHINE_PATH.search(text) or any(folder in text for folder in private) for text in (detail, item, parent)
        ):
            wrong = "an absolute path"
        if wrong:
            context.findings.fail("ledger_detail", f"{stage} {item}: {wrong}")


def _check_tables(context: CheckContext) -> None:
    """Compare the row counts of the tables with those that the stages recorded."""
    entries = {(entry.name, entry.split): entry for entry in context.manifest.stages}
    documents = dict(context.db.execute("SELECT split, count(*) FROM corpus WHERE pool = 'web' GROUP BY 1").fetchall())
    questions = dict(context.db.execute(_PUBLISHED).fetchall())
    expected = {("split", ""): sum(documents.values())}
    expected |= {("assemble", split): questions.get(split, 0) for split in QA_SPLITS}
    for key, rows in expected.items():
        if key not in entries and rows:
            context.findings.fail("stage_tables", f"{rows} rows of stage {' '.join(key).strip()}, which did not run")
        elif key in entries and entries[key].rows_out != rows:
            counts = f"{entries[key].rows_out} rows out of {_label(entries[key])}, {rows} in the tables"
            context.findings.fail("stage_tables", counts)
    for split in QA_SPLITS:
        sampled = entries.get(("sample", split))
        if sampled is not None and sampled.rows_in != documents.get(split, 0):
            counts = f"{sampled.rows_in} rows into sample {split}, {documents.get(split, 0)} documents in corpus"
            context.findings.fail("stage_tables", counts)

"""The funnel of a build: its stages in numbers, and which dropped most where no row is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.trace import TracedStep
from nyxqa.builders.formatting import counted
from nyxqa.builders.vlm.protocol import ENDPOINT_FAILURES
from nyxqa.schemas.manifest import StageEntry
from nyxqa.schemas.sql import file_list

if TYPE_CHECKING:
    import duckdb

_BAR = 32  # characters of the longest bar
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")

# Ledger rows about parts of items that are kept are left out: they are not drops.
_LOST = """
SELECT stage, item_type, reason, count(*) AS count, arg_min(detail, item_id)
FROM {ledger}
WHERE split = $split AND item_type <> 'image' AND NOT (stage = 'source' AND item_type <> 'row')
  AND NOT (starts_with(stage, 'import.') AND item_type <> 'row')
GROUP BY ALL ORDER BY count DESC, stage, reason
"""
_FILES = "read_parquet({files})"
_REASONS = 3  # listed at most
_DETAIL = 200  # characters of a detail shown at most
Loss = tuple[str, str, str, int, str]


def joined_stages(steps: Sequence[TracedStep]) -> list[StageEntry]:
    """One entry for each stage and split, its steps joined; a stage of which no step keeps an account has none."""
    # What a stage prepares, uncounted, may be done before the stages in front of it.
    kept = [step for step in steps if step.counts is not None]
    stages: dict[tuple[str, str], list[TracedStep]] = {(step.stage, step.split): [] for step in kept}
    for step in steps:
        if (step.stage, step.split) in stages:
            stages[step.stage, step.split].append(step)
    return [_entry(own) for own in stages.values()]


def emptied(stages: Sequence[StageEntry]) -> list[StageEntry]:
    """The stages that took the last rows of their split."""
    return [entry for entry in stages if entry.rows_in and not entry.rows_out]


def counts_line(stages: Sequence[StageEntry], split: str) -> str:
    """For example ``17 pages -> 8 pages (prefilter) -> 0 documents (chunk)``, with the stages of all splits first."""
    own = [entry for entry in stages if entry.split in ("", split)]
    if not own:
        return ""
    first = [counted(own[0].rows_in, own[0].unit_in)]
    return " -> ".join(first + [f"{counted(entry.rows_out, entry.unit_out)} ({entry.name})" for entry in own])


def funnel_picture(stages: Sequence[StageEntry]) -> list[str]:
    """The funnel as bars of text: what was read, then each stage that changes a count; splits one below the other."""
    if not stages:
        return []
    rows = [(stages[0].unit_in, "read", stages[0].rows_in, 0)]
    for stage in stages:
        if stage.dropped or stage.unit_in != stage.unit_out or stage.not_sampled:
            name = f"{stage.name} {stage.split}".rstrip()
            rows.append((stage.unit_out, name, stage.rows_out, stage.dropped))
    most, width = max(count for *_, count, _ in rows) or 1, max(len(name) for _, name, *_ in rows)
    return [
        f"{name:<{width}} {_bar(count / most):<{_BAR}} {counted(count, unit)}" + (f", {gone} dropped" if gone else "")
        for unit, name, count, gone in rows
    ]


def _bar(share: float) -> str:
    """A bar of eighths of a character; what is not nothing is visible."""
    eighths = max(round(share * _BAR * 8), 1) if share else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]


def _entry(steps: Sequence[TracedStep]) -> StageEntry:
    kept = [step for step in steps if step.counts is not None]
    total = kept[0].counts or Counts()
    for step in kept[1:]:
        total = total.then(step.counts or Counts())
    last = kept[-1]
    return StageEntry(
        name=last.stage,
        split=last.split,
        fingerprint=last.fingerprint,
        unit_in=kept[0].unit_in,
        unit_out=last.unit_out,
        seconds=round(sum(step.seconds for step in steps), 3),
        **asdict(total),
    )


def largest_loss(db: duckdb.DuckDBPyConnection, ledgers: Sequence[StepOutput], split: str, table: str = "") -> str:
    """The largest loss for ``split``, or that before the split if nothing was dropped in it.

    :param ledgers: Outputs of the steps so far.
    :param table: A database table of further ledger rows.
    """
    files = [file for parts in ledgers for file in parts.ledgers()]
    sources = [_FILES.format(files=file_list(files))] if files else []
    sources += [table] if table else []
    if not sources:
        return "no stage dropped anything"
    ledger = "(" + " UNION ALL BY NAME ".join(f"FROM {source}" for source in sources) + ")"
    for name in dict.fromkeys((split, "")):
        losses: list[Loss] = db.execute(_LOST.format(ledger=ledger), {"split": name}).fetchall()
        if losses:
            return _sentence(losses)
    return "no stage dropped anything"


def _sentence(losses: Sequence[Loss]) -> str:
    counts: dict[str, int] = {}
    for stage, _, _, count, _ in losses:
        counts[stage] = counts.get(stage, 0) + count
    worst = max(counts, key=lambda stage: counts[stage])
    own = [loss for loss in losses if loss[0] == worst]
    _, item_type, reason, _, detail = own[0]
    listed = ", ".join(f"{reason} {count}" for _, _, reason, count, _ in own[:_REASONS])
    more = ", ..." if len(own) > _REASONS else ""
    because = f", first detail: {detail[:_DETAIL]}" if detail else ""
    # A rule of stage refine shares its reason with an endpoint failure, but has no detail.
    again = "; --retry-failed asks the model again" if reason in ENDPOINT_FAILURES and detail else ""
    return f"stage {worst} dropped most: {counted(counts[worst], item_type)} ({listed}{more}){because}{again}"

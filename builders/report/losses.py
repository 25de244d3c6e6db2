"""Why no row is left: the stage that dropped most, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.formatting import counted
from nyxqa.builders.vlm.protocol import ENDPOINT_FAILURES
from nyxqa.schemas.sql import file_list

if TYPE_CHECKING:
    import duckdb

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

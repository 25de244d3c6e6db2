"""Why nothing is left: the stage that dropped most, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.vlm.protocol import ENDPOINT_FAILURES
from nyxqa.schemas.sql import file_list

if TYPE_CHECKING:
    import duckdb

# Notes on parts of items that live on are left out: they count no drop.
_LOST = """
SELECT stage, item_type, reason, count(*) AS count, arg_min(detail, item_id)
FROM {ledger}
WHERE split = $split AND item_type <> 'image' AND NOT (stage = 'source' AND item_type <> 'row')
  AND NOT (starts_with(stage, 'import.') AND item_type <> 'row')
GROUP BY ALL ORDER BY count DESC, stage, reason
"""
_FILES = "read_parquet({files})"
_REASONS = 3  # that are listed
_DETAIL = 200  # characters of a detail that are shown

Loss = tuple[str, str, str, int, str]


def told_loss(db: duckdb.DuckDBPyConnection, ledgers: Sequence[StepOutput], split: str, table: str = "") -> str:
    """What the stages dropped most of for ``split``, or before there were splits if nothing was dropped in it.

    :param ledgers: Outputs of the steps so far.
    :param table: A table of ledger rows that belong to them, beside their files.
    """
    files = [file for parts in ledgers for file in parts.ledgers()]
    sources = [_FILES.format(files=file_list(files))] if files else []
    sources += [table] if table else []
    if not sources:
        return "no stage dropped anything"
    ledger = "(" + " UNION ALL BY NAME ".join(f"FROM {source}" for source in sources) + ")"
    for name in dict.fromkeys((split, "")):
        found: list[Loss] = db.execute(_LOST.format(ledger=ledger), {"split": name}).fetchall()
        if found:
            return _told(found)
    return "no stage dropped anything"


def _told(found: Sequence[Loss]) -> str:
    counts: dict[str, int] = {}
    for stage, _, _, count, _ in found:
        counts[stage] = counts.get(stage, 0) + count
    worst = max(counts, key=lambda stage: counts[stage])
    own = [loss for loss in found if loss[0] == worst]
    _, item_type, reason, _, detail = own[0]
    listed = ", ".join(f"{reason} {count}" for _, _, reason, count, _ in own[:_REASONS])
    more = ", ..." if len(own) > _REASONS else ""
    because = f", the first because: {detail[:_DETAIL]}" if detail else ""
    # A rule of stage refine has a reason of the same name as an endpoint's failure, and no detail.
    again = "; --retry-failed asks the model again" if reason in ENDPOINT_FAILURES and detail else ""
    return f"stage {worst} dropped most: {counts[worst]} {item_type}s ({listed}{more}){because}{again}"

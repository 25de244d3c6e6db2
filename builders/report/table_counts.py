"""Counts out of a dataset's tables, as the report shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nyxqa.schemas.manifest import StageEntry
from nyxqa.schemas.tables import QA_SPLITS

if TYPE_CHECKING:
    import duckdb

# Probabilities at which ranks are reported.
QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)

_DROPS = """
SELECT stage, split, item_type, reason, count(*) AS count, min(item_id) AS example,
       arg_min(detail, item_id) AS detail
FROM ledger GROUP BY stage, split, item_type, reason, CASE reason WHEN 'filter' THEN detail END
"""
_DOCUMENTS = "SELECT pool, split, kind, count(*) FROM corpus GROUP BY ALL"
_QUESTIONS = "SELECT split, kind, count(*) FROM qa GROUP BY ALL"
_TRIPLETS = "SELECT dataset, split, kind, count(*) FROM triplets GROUP BY ALL"
_NEGATIVES = "SELECT dataset, split, len(negative_ids) AS n, count(*) FROM triplets GROUP BY ALL ORDER BY n"
_RANKS = """
WITH listed AS (SELECT dataset, split, unnest(positives) AS positive FROM triplets)
SELECT dataset, split, count(*), count(positive.rank), quantile_disc(positive.rank, $quantiles)
FROM listed GROUP BY ALL
"""
_EVIDENCE = "SELECT split, count(evidence), count(*) FROM qa GROUP BY split"


@dataclass(frozen=True)
class Drops:
    """Ledger rows of one stage, split, item type and reason, and of one condition where that is the reason.

    :param counted: Whether they are the stage's own items; otherwise they are parts of retained items.
    :param example: The smallest item id among them.
    :param detail: Ledger detail of the example.
    :param text: Text of the example, where the build's working rows still have it.
    """

    stage: str
    split: str
    item_type: str
    reason: str
    count: int
    counted: bool
    example: str
    detail: str
    text: str = ""


@dataclass(frozen=True)
class KindCounts:
    """Rows of one split of a table by kind: ``text``, ``single``, ``multi``.

    :param table: ``corpus``, ``qa`` or ``triplets``.
    :param part: Pool of ``corpus``, dataset of ``triplets``, empty for ``qa``.
    """

    table: str
    part: str
    split: str
    kinds: dict[str, int]


@dataclass(frozen=True)
class TripletCounts:
    """Positives and negatives of one dataset's split.

    :param negatives: Number of triplets by their number of negatives.
    :param positives: Number of positives.
    :param retrieved: Number of positives that the miner retrieved.
    :param ranks: Their ranks at ``QUANTILES``; empty if none was retrieved.
    """

    dataset: str
    split: str
    negatives: dict[int, int]
    positives: int
    retrieved: int
    ranks: list[int]


def _split_order(split: str) -> tuple[int, str]:
    return (QA_SPLITS.index(split) if split in QA_SPLITS else -1, split)


def drop_counts(db: duckdb.DuckDBPyConnection, stages: Sequence[StageEntry]) -> list[Drops]:
    """Dropped rows in the order of the manifest's stages; within a stage the most frequent reason first.

    :param db: Database with the views of ``report.views``, as for the functions below.
    """
    units = {(entry.name, entry.split): entry.unit_in for entry in stages}
    order = list(dict.fromkeys(entry.name for entry in stages))
    drops = [
        Drops(stage, split, item_type, reason, count, units.get((stage, split)) == item_type, example, detail)
        for stage, split, item_type, reason, count, example, detail in db.execute(_DROPS).fetchall()
    ]
    return sorted(
        drops,
        key=lambda d: (
            order.index(d.stage) if d.stage in order else len(order),
            _split_order(d.split),
            not d.counted,
            -d.count,
            d.item_type,
            d.reason,
            d.detail,
        ),
    )


def kind_counts(db: duckdb.DuckDBPyConnection) -> list[KindCounts]:
    """Rows of ``corpus``, ``qa`` and ``triplets`` by kind, sorted by table, part and split."""
    rows = [("corpus", *row) for row in db.execute(_DOCUMENTS).fetchall()]
    rows += [("qa", "", *row) for row in db.execute(_QUESTIONS).fetchall()]
    rows += [("triplets", *row) for row in db.execute(_TRIPLETS).fetchall()]
    by_place: dict[tuple[str, str, str], dict[str, int]] = {}
    for table, part, split, kind, count in rows:
        by_place.setdefault((table, part, split), {})[kind] = count
    ordered = sorted(by_place.items(), key=lambda item: (item[0][0], item[0][1], _split_order(item[0][2])))
    return [KindCounts(*key, dict(sorted(kinds.items()))) for key, kinds in ordered]


def triplet_counts(db: duckdb.DuckDBPyConnection) -> list[TripletCounts]:
    """Positives and negatives of the triplets, sorted by dataset and split."""
    negatives: dict[tuple[str, str], dict[int, int]] = {}
    for dataset, split, number, count in db.execute(_NEGATIVES).fetchall():
        negatives.setdefault((dataset, split), {})[number] = count
    ranks = {row[:2]: row[2:] for row in db.execute(_RANKS, {"quantiles": list(QUANTILES)}).fetchall()}
    counts = []
    for key in sorted(negatives, key=lambda key: (key[0], _split_order(key[1]))):
        positives, retrieved, quantiles = ranks.get(key, (0, 0, None))
        counts.append(TripletCounts(*key, negatives[key], positives, retrieved, quantiles if retrieved else []))
    return counts


def verification(db: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """How many questions of each split are verified, in words."""
    rows = sorted(db.execute(_EVIDENCE).fetchall(), key=lambda row: _split_order(row[0]))
    return {
        split: "not verified" if not judged else "verified" if judged == every else f"{judged} of {every} verified"
        for split, judged, every in rows
    }

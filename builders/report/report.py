"""The report on a dataset, from its manifest and its tables, as one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.workdir import scratch_folder
from nyxqa.builders.report.evidence_outcomes import Outcomes
from nyxqa.builders.report.lines import probe_line, shortfall_lines
from nyxqa.builders.report.views import add_views
from nyxqa.schemas.loading.published import open_published
from nyxqa.schemas.manifest import Manifest, StageEntry
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
WITH found AS (SELECT dataset, split, unnest(positives) AS positive FROM triplets)
SELECT dataset, split, count(*), count(positive.rank), quantile_disc(positive.rank, $quantiles)
FROM found GROUP BY ALL
"""
_EVIDENCE = "SELECT split, count(evidence), count(*) FROM qa GROUP BY split"


@dataclass(frozen=True)
class Drops:
    """Ledger rows of one stage, split, item type and reason, and of one condition where that is the reason.

    :param counted: Whether they are the stage's own items; otherwise they are parts of items that are kept.
    :param example: The smallest item id among them.
    :param detail: Ledger detail of the example.
    """

    stage: str
    split: str
    item_type: str
    reason: str
    count: int
    counted: bool
    example: str
    detail: str


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


@dataclass(frozen=True)
class Report:
    """Everything the text report shows; see ``nyxqa.builders.report.text``.

    :param verify: Per split: ``not verified``, ``verified``, or how many of how many.
    :param evidence: Questions by split, evidence outcome and kind; empty without verification.
    :param probe: Result of the options-only probe, as text.
    :param mining: Mining report of each question set, by name and split.
    :param repairs: Repair report of each import, by kind and split.
    :param shortfalls: Lines on counts that fall short of the recipe.
    :param overlaps: Questions that a dataset has in two splits, by dataset and pair of splits.
    :param feedback: Part ``feedback`` of the summary: settings, labels, drops and calls; empty without feedback.
    :param bytes: Size of the published files.
    """

    out: str
    seed: int
    source: str
    versions: dict[str, str]
    revisions: dict[str, str]
    stages: list[StageEntry]
    drops: list[Drops]
    counts: list[KindCounts]
    triplets: list[TripletCounts]
    verify: dict[str, str]
    evidence: Outcomes
    probe: str
    certificate: dict[str, int]
    deviations: list[str]
    usage: dict[str, int]
    mining: dict[str, dict[str, Any]]
    repairs: dict[str, dict[str, Any]]
    shortfalls: list[str]
    overlaps: dict[str, dict[str, int]]
    feedback: dict[str, Any]
    files: int
    bytes: int


def make_report(out: Path) -> Report:
    """The report on the dataset in ``out``.

    :raises FormatError: If there is no dataset, or it does not match its manifest.
    """
    published = open_published(out)
    manifest = published.manifest
    with database(scratch_folder(out)) as db:
        add_views(db, published)
        return Report(
            out=str(out),
            seed=manifest.seed,
            source=_source(manifest),
            versions=manifest.versions,
            revisions=manifest.revisions,
            stages=manifest.stages,
            drops=_drops(db, manifest),
            counts=_counts(db),
            triplets=_triplets(db),
            verify=_verified(db),
            evidence=manifest.summary.get("outcomes", {}),
            probe=probe_line(manifest.summary.get("probe", {})),
            certificate=manifest.certificate,
            deviations=manifest.deviations,
            usage=manifest.usage,
            mining=manifest.summary.get("mining", {}),
            repairs=manifest.summary.get("repairs", {}),
            shortfalls=shortfall_lines(manifest),
            overlaps=manifest.summary.get("overlaps", {}),
            feedback=manifest.summary.get("feedback", {}),
            files=len(manifest.files),
            bytes=sum((out / path).stat().st_size for path in manifest.files),
        )


def _source(manifest: Manifest) -> str:
    web = manifest.recipe.get("web")
    return str(web.get("source", "")) if isinstance(web, Mapping) else ""


def _split_order(split: str) -> tuple[int, str]:
    return (QA_SPLITS.index(split) if split in QA_SPLITS else -1, split)


def _drops(db: duckdb.DuckDBPyConnection, manifest: Manifest) -> list[Drops]:
    """Drops in the order of the manifest's stages; within a stage the most frequent first."""
    units = {(entry.name, entry.split): entry.unit_in for entry in manifest.stages}
    order = list(dict.fromkeys(entry.name for entry in manifest.stages))
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


def _counts(db: duckdb.DuckDBPyConnection) -> list[KindCounts]:
    rows = [("corpus", *row) for row in db.execute(_DOCUMENTS).fetchall()]
    rows += [("qa", "", *row) for row in db.execute(_QUESTIONS).fetchall()]
    rows += [("triplets", *row) for row in db.execute(_TRIPLETS).fetchall()]
    by_place: dict[tuple[str, str, str], dict[str, int]] = {}
    for table, part, split, kind, count in rows:
        by_place.setdefault((table, part, split), {})[kind] = count
    ordered = sorted(by_place.items(), key=lambda item: (item[0][0], item[0][1], _split_order(item[0][2])))
    return [KindCounts(*key, dict(sorted(kinds.items()))) for key, kinds in ordered]


def _triplets(db: duckdb.DuckDBPyConnection) -> list[TripletCounts]:
    negatives: dict[tuple[str, str], dict[int, int]] = {}
    for dataset, split, number, count in db.execute(_NEGATIVES).fetchall():
        negatives.setdefault((dataset, split), {})[number] = count
    ranks = {row[:2]: row[2:] for row in db.execute(_RANKS, {"quantiles": list(QUANTILES)}).fetchall()}
    counts = []
    for key in sorted(negatives, key=lambda key: (key[0], _split_order(key[1]))):
        positives, retrieved, quantiles = ranks.get(key, (0, 0, None))
        counts.append(TripletCounts(*key, negatives[key], positives, retrieved, quantiles if retrieved else []))
    return counts


def _verified(db: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = sorted(db.execute(_EVIDENCE).fetchall(), key=lambda row: _split_order(row[0]))
    return {
        split: "not verified" if not judged else "verified" if judged == every else f"{judged} of {every} verified"
        for split, judged, every in rows
    }

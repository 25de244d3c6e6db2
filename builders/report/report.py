"""The report on a dataset, from its manifest and its tables, as one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.trace import read_trace
from nyxqa.builders.engine.workdir import scratch_folder
from nyxqa.builders.report.lines import judge_lines, probe_line, shortfall_lines
from nyxqa.builders.report.question_figures import figure_lines
from nyxqa.builders.report.summary import Outcomes
from nyxqa.builders.report.table_counts import (
    Drops,
    KindCounts,
    TripletCounts,
    drop_counts,
    kind_counts,
    triplet_counts,
    verification,
)
from nyxqa.builders.report.views import add_views
from nyxqa.builders.report.working_texts import one_line, working_texts
from nyxqa.schemas.loading.published import open_published
from nyxqa.schemas.manifest import WORK, Manifest, StageEntry


@dataclass(frozen=True)
class Report:
    """Everything the text report shows; see ``nyxqa.builders.report.text``.

    :param verify: Per split: ``not verified``, ``verified``, or how many of how many.
    :param evidence: Questions by split, evidence outcome and kind; empty without verification.
    :param types: Questions by split, type, kind and evidence outcome; empty without types.
    :param difficulty: Lines on how well retrievers find the documents, on copied words and on pictures.
    :param probe: Result of the options-only probe, as text.
    :param judged: What the model said of negatives, a line for each dataset and split.
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
    types: list[dict[str, Any]]
    difficulty: list[str]
    probe: str
    judged: list[str]
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
            drops=_with_texts(drop_counts(db, manifest.stages), out),
            counts=kind_counts(db),
            triplets=triplet_counts(db),
            verify=verification(db),
            evidence=manifest.summary.get("outcomes", {}),
            types=manifest.summary.get("types", []),
            difficulty=figure_lines(manifest.summary),
            probe=probe_line(manifest.summary.get("probe", {})),
            judged=judge_lines(manifest),
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


def _with_texts(drops: list[Drops], out: Path) -> list[Drops]:
    """``drops`` with the text of each example, as far as the working rows of the build are still there."""
    work = out / WORK
    texts = working_texts(read_trace(work)[0], work, {drop.example: drop.item_type for drop in drops})
    return [replace(drop, text=one_line(texts.get(drop.example, {})) if drop.counted else "") for drop in drops]


def _source(manifest: Manifest) -> str:
    web = manifest.recipe.get("web")
    return str(web.get("source", "")) if isinstance(web, Mapping) else ""

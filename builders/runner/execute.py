"""Executing a recipe into a folder: plan, run what is missing, publish."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.limits import Limits, limited
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import PlannedRun, WorkingRun
from nyxqa.builders.engine.workdir import begin_generation, forget_stages, output_folder
from nyxqa.builders.feedback.publication import kept
from nyxqa.builders.filters.conditions import check_conditions
from nyxqa.builders.formatting import listed
from nyxqa.builders.pipeline import build, read
from nyxqa.builders.publish.publish import complete_publishing, drop_edited, publish
from nyxqa.builders.question_sets.revisions import pinned
from nyxqa.builders.question_sets.validate import check_sets
from nyxqa.builders.report.estimate import Estimate, estimate_seeds
from nyxqa.builders.report.lines import shortfall_lines
from nyxqa.builders.runner.manifest import build_manifest
from nyxqa.builders.runner.published import is_up_to_date, note_source, published_in, splits_to_publish, stale_splits
from nyxqa.builders.sources.factory import open_source
from nyxqa.builders.stages.benchmark import benchmark, unusable_images
from nyxqa.builders.stages.fetch import names_to_retry, retry_failures
from nyxqa.builders.stages.names import SOURCE, STAGES
from nyxqa.builders.stages.sample import sample
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Images, Recipe
from nyxqa.schemas.recipe_types import SplitName
from nyxqa.schemas.tables import QA


@dataclass(frozen=True)
class BuildResult:
    """What a build left behind.

    :param out: The dataset's folder.
    :param changed: False if the folder already held this very dataset.
    :param manifest: Its manifest.
    """

    out: Path
    changed: bool
    manifest: Manifest


def execute(
    recipe: Recipe,
    split: SplitName,
    out: Path,
    workers: int | None,
    progress: Progress,
    drop_stale: bool = False,
    rescan: bool = False,
    retry_failed: bool = False,
) -> BuildResult:
    """Build ``split`` of ``recipe`` into ``out``, resuming what a stopped run left.

    :param rescan: Read the source again though its files look the same.
    :param retry_failed: Whether URLs and questions that failed are tried again, and what stands on them done again.
    :raises NyxqaError: Of the kind that says what went wrong; nothing is published then.
    """
    _check(recipe)
    given, (recipe, revisions) = recipe, pinned(recipe)
    with output_folder(out) as work, limited(_limits(recipe)):
        complete_publishing(out)
        published = published_in(out)
        splits = splits_to_publish(recipe, split, published)
        again = {SOURCE} if rescan else set[str]()
        if retry_failed:
            again |= names_to_retry(work, recipe.images)
        opened = None if recipe.web is None else open_source(recipe.web)
        plan = build(PlannedRun(work, again), recipe, opened, splits, work / "answers")
        stale = stale_splits(plan, published, split)
        if stale and not drop_stale:
            raise UsageError(
                f"split {', '.join(stale)} in {out} was made with other data parameters or another source; "
                "--split all rebuilds every split, --drop-stale unpublishes it"
            )
        if stale:
            splits = [name for name in splits if name not in stale]
        note_source(work, recipe)
        _observe_again(work, again, recipe.images, progress)
        plan = build(PlannedRun(work), recipe, opened, splits, work / "answers")
        edited = drop_edited(plan.tables.folder)
        if edited is not None:
            progress.say(f"{out / edited} was written to after it was built; the tables are made again")
        if retry_failed and plan.handle is not None and plan.handle.failures():
            forget_stages(work, STAGES[STAGES.index("synthesize") :])  # stored answers stay
        elif edited is None and published is not None and is_up_to_date(out, plan, published):
            progress.say(f"{out} is up to date")
            return _told(BuildResult(out, False, published), progress)
        with LocalExecutor(workers or os.cpu_count() or 1) as executor:
            run = WorkingRun(work, executor, progress)
            built = build(run, recipe, opened, splits, work / "answers", retry_failed)
        revisions = {**({} if opened is None else opened.revisions()), **revisions}
        manifest = build_manifest(given, revisions, run, built)
        if built.handle is not None:
            built.handle.close()
        tables, manifest, gone = kept(published, built.tables.folder, manifest, work)
        publish(tables, out, manifest)
        if gone:
            progress.say(gone)
        if built.benchmark is not None and (unusable := unusable_images(built.benchmark)):
            progress.say(unusable)
        for line in shortfall_lines(manifest):
            progress.say(line)
        progress.say(f"{out} is ready: {listed(_rows(manifest))}")
        return _told(BuildResult(out, True, manifest), progress)


def estimate(
    recipe: Recipe, split: SplitName, out: Path, workers: int | None, progress: Progress, rescan: bool = False
) -> Estimate:
    """What a model would be asked for ``split``; what that needs is read and kept, nothing is published or asked.

    :raises NyxqaError: Of the kind that says what went wrong.
    """
    _check(recipe)
    if recipe.web is None:
        raise UsageError("no model is asked: the recipe has no [web] section")
    with (
        output_folder(out) as work,
        limited(_limits(recipe)),
        LocalExecutor(workers or os.cpu_count() or 1) as executor,
    ):
        note_source(work, recipe)
        if rescan:
            begin_generation(work, SOURCE)
        run = WorkingRun(work, executor, progress)
        splits = splits_to_publish(recipe, split, None)
        known = benchmark(run, recipe.filters, recipe.images.max_pixels)
        found = read(run, recipe, recipe.web, open_source(recipe.web), known, splits)
        seeds = {name: sample(run, found.documents, recipe.sample, recipe.split, recipe.seed, name) for name in splits}
        return estimate_seeds(recipe, seeds, found.packs)


def _limits(recipe: Recipe) -> Limits:
    given = recipe.duckdb
    return Limits(given.memory, given.threads, given.spill, None if given.folder is None else Path(given.folder))


def _observe_again(work: Path, again: set[str], settings: Images, progress: Progress) -> None:
    """What ``--rescan`` and ``--retry-failed`` ask for, once it is known that the build goes on."""
    if SOURCE in again:
        begin_generation(work, SOURCE)
    if again - {SOURCE}:
        retry_failures(work, settings, progress)


def _check(recipe: Recipe) -> None:
    """What can be known to fail before anything is spent.

    :raises UsageError: Naming the section.
    """
    if recipe.web is None and not recipe.text and not recipe.imports:
        raise UsageError(
            "the recipe has no [web], [[text]] or [[import]] section, so there is nothing to build; give --source"
        )
    check_sets(recipe)
    if recipe.web is None and not recipe.text and recipe.filters.decontaminate:
        raise UsageError("filters.decontaminate looks at [web] and [[text]], and the recipe has neither; leave it out")
    if recipe.web is not None:
        check_conditions(recipe.filters, QA.schema)
        make_encoder(recipe.negatives.encoder)
        make_provider(recipe.vlm.model)


def _rows(manifest: Manifest) -> dict[str, int]:
    """Published rows by TABLE/SPLIT."""
    rows: dict[str, int] = {}
    for path, entry in manifest.files.items():
        _, table, file = path.split("/")
        name = f"{table}/{file.split('-')[0]}"
        rows[name] = rows.get(name, 0) + entry.rows
    return rows


def _told(result: BuildResult, progress: Progress) -> BuildResult:
    manifest = result.manifest
    told = {"out": str(result.out), "changed": result.changed, "rows": _rows(manifest), "usage": manifest.usage}
    progress.result("build", told)
    return result

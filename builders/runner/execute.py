"""The build command: plan a recipe's steps, run what is missing, publish the tables."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from nyxqa.builders.chunking.tokenizers import first_tokenizer
from nyxqa.builders.engine.executors.protocol import Executor
from nyxqa.builders.engine.limits import Limits, limited
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import PlannedRun, WorkingRun
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.trace import note_end, read_trace
from nyxqa.builders.engine.workdir import begin_generation, forget_stages, generation, output_folder
from nyxqa.builders.feedback.publication import with_earlier_feedback
from nyxqa.builders.filters.conditions import check_conditions
from nyxqa.builders.pipeline import Built, Pages, asks_model, build, build_pages
from nyxqa.builders.publish.publish import complete_publishing, drop_edited, publish
from nyxqa.builders.question_sets.validate import check_sets, pinned, refuse_placeholders
from nyxqa.builders.report.ending import ending_lines
from nyxqa.builders.report.estimate import Estimate, estimate_captions, estimate_seeds
from nyxqa.builders.report.estimate_sets import estimate_sets
from nyxqa.builders.report.lines import shortfall_lines
from nyxqa.builders.report.page import PAGE, refresh_page
from nyxqa.builders.runner.manifest import build_manifest
from nyxqa.builders.runner.probe import probe_model
from nyxqa.builders.runner.published import (
    is_up_to_date,
    made_by,
    note_recipe,
    note_source,
    only_format_differs,
    published_in,
    published_rows,
    published_splits,
    splits_to_publish,
    stale_splits,
)
from nyxqa.builders.runner.purge import complete_removal, resume_removal
from nyxqa.builders.runner.update import earlier_parent, forget_parent, next_parent, updated_manifest
from nyxqa.builders.sources.base import Source
from nyxqa.builders.sources.factory import open_source
from nyxqa.builders.stages.benchmark import benchmark, unusable_images
from nyxqa.builders.stages.captions import captions_to_retry, require_sight
from nyxqa.builders.stages.difficulty import require_checked
from nyxqa.builders.stages.fetch import names_to_retry, retry_failures
from nyxqa.builders.stages.first_request import say_agreed
from nyxqa.builders.stages.names import CAPTIONS, QRELS, SOURCE, STAGES
from nyxqa.builders.stages.sample import sample
from nyxqa.builders.stages.update import VERIFY as STALE_VERIFY
from nyxqa.builders.stages.verify import VERIFY, require_verifier
from nyxqa.builders.update.parent import Parent
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.errors import NyxqaError, UsageError, one_line
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_types import SplitName
from nyxqa.schemas.tables import FORMAT, QA

_ANSWERS = "answers"  # folder of the model's stored answers, below the work folder


@dataclass(frozen=True)
class BuildRequest:
    """What a build is to do.

    :param split: The split to build, or ``all``; None in an update: none but those that are published.
    :param out: Folder of the dataset.
    :param executor: Works on the shards of the steps; entered once there is work to do.
    :param drop_stale: Whether published splits that other data parameters made are unpublished.
    :param rescan: Whether the source is read again although its files look unchanged.
    :param retry_failed: Whether URLs and questions that failed are tried again.
    :param republish: Whether the published splits are built again, and no others, whatever made them.
    :param update: Whether the dataset published in ``out`` is brought up to date with its pages: what stands on
        unchanged documents stays.
    """

    recipe: Recipe
    split: SplitName | None
    out: Path
    executor: AbstractContextManager[Executor]
    drop_stale: bool = False
    rescan: bool = False
    retry_failed: bool = False
    republish: bool = False
    update: bool = False


@dataclass(frozen=True)
class BuildResult:
    """A finished build.

    :param out: Folder of the dataset.
    :param changed: False if the folder already held this very dataset.
    :param manifest: Manifest of the dataset.
    """

    out: Path
    changed: bool
    manifest: Manifest


@dataclass(frozen=True)
class _Job:
    """A build that has been checked and has its output folder locked.

    :param recipe: The recipe with names on the Hub pinned to revisions.
    :param source: The opened source of pages; None without a [web] section.
    :param work: The work folder.
    :param published: Manifest of what was published before; None if nothing was.
    """

    request: BuildRequest
    recipe: Recipe
    source: Source | None
    work: Path
    published: Manifest | None
    progress: Progress


@dataclass(frozen=True)
class _Plan:
    """The steps of a build before any has run.

    :param splits: Splits that will be published.
    :param steps: The planned outputs, with the fingerprints that the run will have.
    :param asking: Folders of the steps that ask the model.
    :param folders: Folders of all steps.
    :param verifying: Those that ask the one that verifies.
    :param parent: The published version that is updated, if one is.
    """

    splits: list[str]
    steps: Built
    asking: tuple[Path, ...]
    folders: tuple[Path, ...]
    verifying: tuple[Path, ...] = ()
    parent: Parent | None = None


def execute(request: BuildRequest, progress: Progress) -> BuildResult:
    """Build a split of a recipe into a folder, resuming what a stopped run left.

    :raises NyxqaError: If the build fails; nothing is published then.
    """
    check_recipe(request.recipe)
    request = replace(request, recipe=with_tokenizer(request.recipe))
    recipe, revisions = pinned(request.recipe)
    with output_folder(request.out) as work, limited(_limits(recipe)):
        complete_publishing(request.out)
        resume_removal(request.out)
        published = published_in(request.out)
        source = None if recipe.web is None else open_source(recipe.web, recipe.pdf, recipe.chunk.unit)
        job = _Job(request, recipe, source, work, published, progress)
        again = _names_to_observe_again(job)
        plan = _plan_update(job, again) if _updates(job) else _plan_without_stale(job, again)
        note_source(work, recipe)
        if not _observe_again(job, again):
            plan = _plan_update(job, ()) if _updates(job) else _plan(job, (), plan.splits)
        if _is_up_to_date(job, plan) and published is not None:
            result = BuildResult(request.out, False, published)
            if not (request.out / PAGE).is_file() and (failure := refresh_page(request.out)):
                progress.say(failure)
        else:
            if published is not None and published.format < FORMAT:
                progress.say(_new_format(request.out, published, only_format_differs(plan.steps, published)))
            run, built = _run(job, plan)
            revisions = {**({} if source is None else source.revisions()), **revisions}
            manifest = build_manifest(request.recipe, revisions, run, built)
            if plan.parent is not None and published is not None:
                manifest = updated_manifest(manifest, built.tables.folder, plan.parent, published, work)
            result = BuildResult(request.out, True, _publish(job, built, manifest))
        if plan.parent is not None:
            forget_parent(work, plan.parent)
        note_recipe(work, request.recipe)
        for line in complete_removal(request.out, plan.folders):
            progress.say(line)
        _report(result, progress)
        return result


def estimate(request: BuildRequest, progress: Progress) -> Estimate:
    """What the build would ask of a model at most; pages are read, chunked and deduplicated, nothing is published.

    :raises NyxqaError: If the pages cannot be read.
    """
    check_recipe(request.recipe)
    recipe = with_tokenizer(request.recipe)
    if not asks_model(recipe):
        raise UsageError(
            "there is nothing to estimate: without a [web] section, negatives or documents to judge, no model is asked"
        )
    with output_folder(request.out) as work, limited(_limits(recipe)), request.executor as executor:
        note_source(work, recipe)
        if request.rescan:
            begin_generation(work, SOURCE)
        run = WorkingRun(work, executor, progress)
        published = published_in(request.out) if request.update else None
        splits = splits_to_publish(recipe, request.split, published)
        parent = next_parent(request.out, recipe, published) if request.update else None
        sets = estimate_sets(recipe, splits)
        if recipe.web is None:
            return Estimate(recipe.vlm.model.partition("@http")[0], sets)
        index = benchmark(run, recipe.filters, recipe.images.max_pixels)
        opened = open_source(recipe.web, recipe.pdf, recipe.chunk.unit)
        pages = build_pages(run, recipe, recipe.web, opened, index, splits, parent=parent)
        seeds = {name: _seeds(run, recipe, pages, name) for name in splits}
        of_pages = estimate_seeds(recipe, seeds, pages.packs)
        return replace(of_pages, costs=estimate_captions(recipe, pages.pages, pages.packs) | of_pages.costs | sets)


def _seeds(run: WorkingRun, recipe: Recipe, pages: Pages, split: str) -> StepOutput:
    update = None if pages.published is None else pages.published.inputs.of_split(split)
    return sample(run, pages.documents, recipe.sample, recipe.split, recipe.seed, split, update)


def with_tokenizer(recipe: Recipe) -> Recipe:
    """The recipe with the tokenizer that can be had, where it names several."""
    if recipe.web is None or "|" not in recipe.chunk.tokenizer:
        return recipe
    chunk = recipe.chunk.model_copy(update={"tokenizer": first_tokenizer(recipe.chunk.tokenizer)})
    return recipe.model_copy(update={"chunk": chunk})


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe that is known to fail before anything is spent.

    :raises UsageError: Naming the section.
    """
    if recipe.web is None and not recipe.text and not recipe.qa and not recipe.imports:
        raise UsageError(
            "the recipe has no [web], [[text]], [[qa]] or [[import]] section, so there is nothing to "
            "build; give --source"
        )
    refuse_placeholders(recipe)
    check_sets(recipe)
    if recipe.web is None and not recipe.text and not recipe.qa and recipe.filters.decontaminate:
        raise UsageError(
            "filters.decontaminate applies to [web], [[text]] and [[qa]], and the recipe has none; remove it"
        )
    if recipe.web is not None:
        check_conditions(recipe.filters, QA.schema)
        make_encoder(recipe.negatives.encoder)
        make_encoder(recipe.filters.difficulty_encoder)
    for spec in recipe.qrels.systems:
        make_encoder(spec)
    if recipe.web is not None or recipe.text or recipe.qa:
        make_provider(recipe.vlm.model)
    require_checked(recipe)
    if recipe.captions.model:
        require_sight(recipe.captions.model)
    if recipe.verify.model:
        require_verifier(recipe.verify.model)


def _limits(recipe: Recipe) -> Limits:
    settings = recipe.duckdb
    folder = None if settings.folder is None else Path(settings.folder)
    return Limits(settings.memory, settings.threads, settings.spill, folder)


def _names_to_observe_again(job: _Job) -> set[str]:
    """Names of the observations that ``--rescan`` and ``--retry-failed`` ask for."""
    names = {SOURCE} if job.request.rescan else set()
    if job.request.retry_failed:
        names |= names_to_retry(job.work, job.recipe.images) | captions_to_retry(job.work, job.recipe)
    return names


def _plan_without_stale(job: _Job, again: set[str]) -> _Plan:
    """The plan of the splits to publish, without those that ``--drop-stale`` unpublishes.

    :raises UsageError: If a published split would be stale and may not be unpublished.
    """
    request = job.request
    if request.republish and job.published is not None:
        return _plan(job, again, published_splits(job.published))
    plan = _plan(job, again, splits_to_publish(job.recipe, request.split, job.published))
    stale = stale_splits(plan.steps, job.published, request.split)
    if not stale:
        return plan
    if not request.drop_stale:
        raise UsageError(
            f"split {', '.join(stale)} in {request.out} was made with other data parameters or another source; "
            "--split all rebuilds every split, --drop-stale unpublishes it"
        )
    return _plan(job, again, [name for name in plan.splits if name not in stale])


def _updates(job: _Job) -> bool:
    """Whether the build updates what is published: also one that builds an updated dataset again."""
    published = job.published
    return job.request.update or (job.request.republish and published is not None and published.parent is not None)


def _plan_update(job: _Job, again: Collection[str]) -> _Plan:
    """The plan of an update: that which made the published version if it still holds, else one that starts from it.

    :raises UsageError: If there is nothing that can be updated.
    """
    request, published = job.request, job.published
    parent = next_parent(request.out, job.recipe, published)
    splits = splits_to_publish(job.recipe, None if request.republish else request.split, published)
    if published is not None:
        made = _plan(job, again, splits, earlier_parent(request.out, published, splits))
        if not again and made_by(made.steps, published):
            return made
    return _plan(job, again, splits, parent)


def _plan(job: _Job, again: Collection[str], splits: list[str], parent: Parent | None = None) -> _Plan:
    planned = PlannedRun(job.work, again)
    built = build(planned, job.recipe, job.source, splits, job.work / _ANSWERS, False, parent)
    steps = [step for step in planned.steps if "vlm" in step.params]
    asking = tuple(planned.folder(step) for step in steps)
    verifying = tuple(planned.folder(step) for step in steps if step.name in (VERIFY, STALE_VERIFY))
    return _Plan(splits, built, asking, tuple(planned.folder(step) for step in planned.steps), verifying, parent)


def _observe_again(job: _Job, again: set[str]) -> bool:
    """Observe again what the plan expects; False if a retry changed nothing, so that the plan does not hold."""
    work = job.work
    expected = {name: generation(work, name, again) for name in again}
    for name in again & {SOURCE, CAPTIONS}:
        begin_generation(work, name)
    if again - {SOURCE, CAPTIONS}:
        retry_failures(work, job.recipe.images, job.progress)
    return all(generation(work, name) == number for name, number in expected.items())


def _is_up_to_date(job: _Job, plan: _Plan) -> bool:
    """Whether the published dataset is what the build would make; removes step outputs that must be made again."""
    request, published = job.request, job.published
    edited = drop_edited(plan.steps.tables.folder)
    if edited is not None:
        job.progress.say(f"{request.out / edited} was modified after it was built; the tables are built again")
    if request.retry_failed and any(one.failures() for one in (plan.steps.handle, plan.steps.verifier) if one):
        again = (*STAGES[STAGES.index("synthesize") :], QRELS, "text", "qa")
        forget_stages(job.work, again)  # stored answers stay
        return False
    return edited is None and published is not None and is_up_to_date(request.out, plan.steps, published)


def _run(job: _Job, plan: _Plan) -> tuple[WorkingRun, Built]:
    note_end(job.work, "")
    retry_failed = job.request.retry_failed
    models = (plan.steps.handle, plan.steps.verifier)
    handle, verifier = (one and replace(one, retry_failed=retry_failed) for one in models)
    try:
        if handle is not None:
            fresh = not read_trace(job.work)[0]
            probe_model(handle, plan.asking, job.recipe, job.source, job.progress, fresh)
        if verifier is not None:
            probe_model(verifier, plan.verifying, job.recipe, job.source, job.progress)
        with job.request.executor as executor:
            run = WorkingRun(job.work, executor, job.progress)
            return run, build(run, job.recipe, job.source, plan.splits, job.work / _ANSWERS, retry_failed, plan.parent)
    except NyxqaError as error:
        note_end(job.work, one_line(error))
        raise
    finally:
        if handle is not None:
            say_agreed(handle, job.progress)


def _publish(job: _Job, built: Built, manifest: Manifest) -> Manifest:
    """Publish the tables with the feedback that is still valid; returns the published manifest."""
    for handle in filter(None, (built.handle, built.verifier)):
        handle.close()
    tables, manifest, lost_feedback = with_earlier_feedback(
        job.published, built.tables.folder, manifest, job.work, only_format_differs(built, job.published)
    )
    no_page = publish(tables, job.request.out, manifest)
    unusable = "" if built.benchmark is None else unusable_images(built.benchmark)
    for line in (lost_feedback, unusable, *shortfall_lines(manifest), no_page):
        if line:
            job.progress.say(line)
    return manifest


def _new_format(out: Path, published: Manifest, only: bool) -> str:
    again = "only stage assemble is run again" if only else "it is built again"
    return f"{out} has format {published.format}; {again}, which writes format {FORMAT}"


def _report(result: BuildResult, progress: Progress) -> None:
    rows = published_rows(result.manifest)
    lines = ending_lines(result.out, result.manifest) if result.changed else [f"{result.out} is up to date"]
    for line in lines:
        progress.say(line)
    progress.result(
        "build",
        {"out": str(result.out), "changed": result.changed, "rows": rows, "usage": result.manifest.usage},
    )

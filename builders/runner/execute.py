"""The build command: plan a recipe's steps, run what is missing, publish the tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from nyxqa.builders.engine.limits import limited
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.trace import note_end, read_trace
from nyxqa.builders.engine.workdir import begin_generation, forget_stages, output_folder
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.feedback.publication import with_earlier_feedback
from nyxqa.builders.filters.conditions import may_pass
from nyxqa.builders.pipeline import Built, Pages, asks_model, build, build_pages
from nyxqa.builders.publish.publish import complete_publishing, drop_edited, publish
from nyxqa.builders.question_sets.validate import pinned
from nyxqa.builders.report.estimate import Estimate, estimate_captions, estimate_seeds
from nyxqa.builders.report.estimate_sets import estimate_sets
from nyxqa.builders.report.lines import ending_lines, shortfall_lines
from nyxqa.builders.report.page import PAGE, refresh_page
from nyxqa.builders.runner.manifest import build_manifest
from nyxqa.builders.runner.plan import (
    ANSWERS,
    Job,
    Plan,
    forget_parent,
    is_update,
    names_to_observe_again,
    next_parent,
    observe_again,
    plan_splits,
    plan_update,
    plan_without_stale,
    updated_manifest,
)
from nyxqa.builders.runner.published import (
    is_up_to_date,
    note_recipe,
    note_source,
    only_format_differs,
    published_in,
    published_rows,
    splits_to_publish,
)
from nyxqa.builders.runner.purge import complete_removal, resume_removal
from nyxqa.builders.runner.request import BuildRequest, BuildResult, check_recipe, limits_of, with_tokenizer
from nyxqa.builders.sources.base import Page, Source
from nyxqa.builders.sources.factory import open_source
from nyxqa.builders.stages.benchmark import benchmark, unusable_images
from nyxqa.builders.stages.first_request import ask_first, say_agreed
from nyxqa.builders.stages.names import QRELS, SOURCE, STAGES
from nyxqa.builders.stages.sample import sample
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.schemas.errors import NyxqaError, UsageError, WorldError, one_line
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.tables import FORMAT

_PAGES = 16  # at the beginning of a source that are looked at for images


def execute(request: BuildRequest, progress: Progress) -> BuildResult:
    """Build a split of a recipe into a folder, resuming what a stopped run left.

    :raises NyxqaError: If the build fails; nothing is published then.
    """
    check_recipe(request.recipe)
    request = replace(request, recipe=with_tokenizer(request.recipe))
    recipe, revisions = pinned(request.recipe)
    with output_folder(request.out) as work, limited(limits_of(recipe)):
        complete_publishing(request.out)
        resume_removal(request.out)
        published = published_in(request.out)
        source = None if recipe.web is None else open_source(recipe.web, recipe.pdf, recipe.chunk.unit)
        job = Job(request, recipe, source, work, published, progress)
        again = names_to_observe_again(job)
        plan = plan_update(job, again) if is_update(job) else plan_without_stale(job, again)
        note_source(work, recipe)
        if not observe_again(job, again):
            plan = plan_update(job, ()) if is_update(job) else plan_splits(job, (), plan.splits)
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
    with output_folder(request.out) as work, limited(limits_of(recipe)), request.executor as executor:
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


def _is_up_to_date(job: Job, plan: Plan) -> bool:
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


def _run(job: Job, plan: Plan) -> tuple[WorkingRun, Built]:
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
            return run, build(run, job.recipe, job.source, plan.splits, job.work / ANSWERS, retry_failed, plan.parent)
    except NyxqaError as error:
        note_end(job.work, one_line(error))
        raise
    finally:
        if handle is not None:
            say_agreed(handle, job.progress)


def _publish(job: Job, built: Built, manifest: Manifest) -> Manifest:
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


def probe_model(
    handle: VlmHandle,
    steps: Iterable[Path],
    recipe: Recipe,
    source: Source | None,
    progress: Progress,
    first_run: bool = False,
) -> None:
    """Ask the model once, unless every step that asks is finished; raises as ``ask_first`` does.

    :param steps: Folders of the steps that ask the model.
    :param first_run: Whether no step was finished by an earlier run.
    """
    try:
        ask_first(handle, steps, lambda: source is not None and sends_pictures(recipe, source), progress)
    except WorldError as error:
        if first_run and "cannot reach" in str(error):
            raise WorldError(f"{error} Nothing was read yet; see the cost without a server: --estimate") from error
        raise


def sends_pictures(recipe: Recipe, source: Source) -> bool:
    """Whether the model will see pictures, as far as the recipe and the first pages of the source tell."""
    if not may_pass({"kind": ["single", "multi"]}, recipe.filters.corpus if recipe.filters.enabled else ()):
        return False
    try:
        batch = next(iter(source.tasks(lambda line: None)), ())
        pages = [page for page in islice(source.pages(batch[:_PAGES]), _PAGES) if isinstance(page, Page)]
    except NyxqaError:
        return False  # stage source reports it
    return any(part["image"] is not None for page in pages for part in page.parts)

"""The plan of a build before any step runs: its splits, its steps, and what of the outside world is observed again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.engine.step import Step
from nyxqa.builders.engine.workdir import begin_generation, generation, step_folder
from nyxqa.builders.pipeline import Built, build
from nyxqa.builders.report.changes import changes
from nyxqa.builders.runner.published import made_by, published_splits, splits_to_publish, stale_splits
from nyxqa.builders.runner.request import BuildRequest
from nyxqa.builders.sources.base import Source
from nyxqa.builders.stages.captions import captions_to_retry
from nyxqa.builders.stages.fetch import names_to_retry, retry_failures
from nyxqa.builders.stages.names import CAPTIONS, SOURCE
from nyxqa.builders.stages.update import VERIFY as STALE_VERIFY
from nyxqa.builders.stages.update import parent_step
from nyxqa.builders.stages.verify import VERIFY
from nyxqa.builders.update.parent import Parent
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.loading.published import Published, open_published
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.tables import FORMAT, QA, QA_SPLITS, WEB

ANSWERS = "answers"  # folder of the model's stored answers, below the work folder

CHANGES = "changes"  # part of the summary: what each update changed, the latest first


@dataclass(frozen=True)
class Job:
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
class Plan:
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


def names_to_observe_again(job: Job) -> set[str]:
    """Names of the observations that ``--rescan`` and ``--retry-failed`` ask for."""
    names = {SOURCE} if job.request.rescan else set()
    if job.request.retry_failed:
        names |= names_to_retry(job.work, job.recipe.images) | captions_to_retry(job.work, job.recipe)
    return names


def plan_without_stale(job: Job, again: set[str]) -> Plan:
    """The plan of the splits to publish, without those that ``--drop-stale`` unpublishes.

    :raises UsageError: If a published split would be stale and may not be unpublished.
    """
    request = job.request
    if request.republish and job.published is not None:
        return plan_splits(job, again, published_splits(job.published))
    plan = plan_splits(job, again, splits_to_publish(job.recipe, request.split, job.published))
    stale = stale_splits(plan.steps, job.published, request.split)
    if not stale:
        return plan
    if not request.drop_stale:
        raise UsageError(
            f"split {', '.join(stale)} in {request.out} was made with other data parameters or another source; "
            "--split all rebuilds every split, --drop-stale unpublishes it"
        )
    return plan_splits(job, again, [name for name in plan.splits if name not in stale])


def is_update(job: Job) -> bool:
    """Whether the build updates what is published: also one that builds an updated dataset again."""
    published = job.published
    return job.request.update or (job.request.republish and published is not None and published.parent is not None)


def plan_update(job: Job, again: Collection[str]) -> Plan:
    """The plan of an update: that which made the published version if it still holds, else one that starts from it.

    :raises UsageError: If there is nothing that can be updated.
    """
    request, published = job.request, job.published
    parent = next_parent(request.out, job.recipe, published)
    splits = splits_to_publish(job.recipe, None if request.republish else request.split, published)
    if published is not None:
        made = plan_splits(job, again, splits, earlier_parent(request.out, published, splits))
        if not again and made_by(made.steps, published):
            return made
    return plan_splits(job, again, splits, parent)


def plan_splits(job: Job, again: Collection[str], splits: list[str], parent: Parent | None = None) -> Plan:
    """The plan of ``splits``; nothing is run.

    :param again: Names of what is observed again.
    """
    planned = PlannedRun(job.work, again)
    built = build(planned, job.recipe, job.source, splits, job.work / ANSWERS, False, parent)
    steps = [step for step in planned.steps if "vlm" in step.params]
    asking = tuple(planned.folder(step) for step in steps)
    verifying = tuple(planned.folder(step) for step in steps if step.name in (VERIFY, STALE_VERIFY))
    return Plan(splits, built, asking, tuple(planned.folder(step) for step in planned.steps), verifying, parent)


def observe_again(job: Job, again: set[str]) -> bool:
    """Observe again what the plan expects; False if a retry changed nothing, so that the plan does not hold."""
    work = job.work
    expected = {name: generation(work, name, again) for name in again}
    for name in again & {SOURCE, CAPTIONS}:
        begin_generation(work, name)
    if again - {SOURCE, CAPTIONS}:
        retry_failures(work, job.recipe.images, job.progress)
    return all(generation(work, name) == number for name, number in expected.items())


def next_parent(out: Path, recipe: Recipe, published: Manifest | None) -> Parent:
    """The version published in ``out``, to be updated.

    :raises UsageError: If nothing is published there that an update can start from.
    """
    if recipe.web is None:
        raise UsageError("--update brings pages up to date, and the recipe has no [web] section; leave out --update")
    if published is None:
        raise UsageError(f"nothing is published in {out}, so there is nothing to update; leave out --update")
    if published.format < FORMAT:
        raise UsageError(
            f"{out} has format {published.format}, and --update needs {FORMAT}; build once without --update, which "
            "brings it there"
        )
    if WEB not in published.splits("corpus"):
        raise UsageError(f"the dataset in {out} has no pages, so there is nothing to update; leave out --update")
    return Parent(published.fingerprint, out, _asked(published))


def earlier_parent(out: Path, published: Manifest, splits: Sequence[str]) -> Parent | None:
    """The version that the published one was updated from, if it was: as its steps name it."""
    if published.parent is None:
        return None
    made = {entry.split for entry in published.stages if entry.name == parent_step(published.parent).stage}
    return Parent(published.parent, out, tuple(name for name in QA_SPLITS if name in made))


def _asked(published: Manifest) -> tuple[str, ...]:
    """Splits of which there are questions."""
    return tuple(name for name in QA_SPLITS if name in published.splits(QA.name))


def updated_manifest(manifest: Manifest, tables: Path, parent: Parent, published: Manifest, work: Path) -> Manifest:
    """The manifest of an updated version, with what changed since its parent and in earlier updates.

    :param tables: Folder of the assembled tables.
    :param published: Manifest of the version in ``parent.out``, which is about to be replaced.
    """
    if published.fingerprint != parent.fingerprint:  # the tables of this very update are assembled again
        earlier = published.summary.get(CHANGES, [])
        return replace(manifest, parent=parent.fingerprint, summary={**manifest.summary, CHANGES: earlier})
    made = replace(manifest, parent=parent.fingerprint)
    found = changes(open_published(parent.out), Published(tables, made), work)
    log: list[dict[str, Any]] = [found, *published.summary.get(CHANGES, [])]
    return replace(made, summary={**made.summary, CHANGES: log})


def forget_parent(work: Path, parent: Parent) -> None:
    """Remove the tables of a version that was updated: no later step reads them, and they may hold what was removed."""
    step: Step = parent_step(parent.fingerprint)
    for file in step_folder(work, step.name, step.split, step.fingerprint).glob("*.parquet"):
        file.unlink()

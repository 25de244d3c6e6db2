"""``nyxqa build --update``: which version is updated, and what its manifest says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.step import Step
from nyxqa.builders.engine.workdir import step_folder
from nyxqa.builders.report.changes import changes
from nyxqa.builders.stages.update import parent_step
from nyxqa.builders.update.parent import Parent
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.loading.published import Published, open_published
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.tables import FORMAT, QA, QA_SPLITS, WEB

CHANGES = "changes"  # part of the summary: what each update changed, the latest first


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

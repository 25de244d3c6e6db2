"""A published dataset and the build that is requested: its recipe, retained splits, stale splits, up to date."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from nyxqa.builders.pipeline import Built
from nyxqa.builders.question_sets.outputs import set_splits
from nyxqa.builders.stages.assemble import EARLIER_VERSION
from nyxqa.builders.stages.names import REVIEW
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.files import read_json, write_json
from nyxqa.schemas.manifest import MANIFEST, WORK, Manifest, read_manifest
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_file import anchored, recipe_of
from nyxqa.schemas.recipe_types import SplitName
from nyxqa.schemas.tables import FORMAT, QA_SPLITS

_RECIPE_FILE = "recipe.json"
_FILE = "source.json"


def published_in(out: Path) -> Manifest | None:
    """The manifest of the dataset published in ``out``, or None."""
    return read_manifest(out) if (out / MANIFEST).exists() else None


def published_rows(manifest: Manifest) -> dict[str, int]:
    """Number of published rows by TABLE/SPLIT."""
    rows: dict[str, int] = {}
    for path, entry in manifest.files.items():
        _, table, file = path.split("/")
        name = f"{table}/{file.split('-')[0]}"
        rows[name] = rows.get(name, 0) + entry.rows
    return rows


def published_splits(manifest: Manifest) -> list[str]:
    """Published splits, those without a row included, in the order train, validation, test."""
    present = _fingerprints(manifest)
    return [name for name in QA_SPLITS if name in present]


def splits_to_publish(recipe: Recipe, split: SplitName | None, published: Manifest | None) -> list[str]:
    """Splits to publish, in the order train, validation, test: ``split`` and those that are published already.

    :param split: None for only those.
    :raises UsageError: If the recipe has nothing for ``split``.
    """
    available = set(recipe.split.splits) if recipe.web is not None else set_splits(recipe)
    if recipe.web is not None and split not in {None, "all", *available}:
        raise UsageError(f"split.{split} is 0, so there is no split {split} to build; set split.{split} to its size")
    if split not in {None, "all", *available}:
        raise UsageError(
            f"nothing in the recipe belongs to split {split}; its sets have {', '.join(sorted(available))}"
        )
    present = published.splits("triplets") if published is not None else []
    return [name for name in QA_SPLITS if name in available and (split in ("all", name) or name in present)]


def stale_splits(plan: Built, published: Manifest | None, split: SplitName | None) -> list[str]:
    """Published splits that a build of ``split`` would retain although it would make them otherwise."""
    if published is None or split == "all":
        return []
    planned = _planned(plan, published)
    present = _fingerprints(published)
    differing = [name for name in QA_SPLITS if name in present and present[name] != planned.get(name)]
    return [name for name in differing if name != split and not _only_reviews_differ(plan, published, name)]


def _only_reviews_differ(plan: Built, published: Manifest, split: str) -> bool:
    """Whether the published split is what the build would make of it by the verdicts that it was published with."""
    if split not in plan.splits:
        return False
    step = plan.splits[split]
    params = {name: value for name, value in step.params.items() if name != REVIEW}
    used = [entry.fingerprint for entry in published.stages if (entry.name, entry.split) == (REVIEW, split)]
    earlier = replace(step, params={**params, **({REVIEW: used[0]} if used else {})})
    return earlier.fingerprint == _fingerprints(published)[split]


def only_format_differs(plan: Built, published: Manifest | None) -> bool:
    """Whether ``published`` has an earlier format and is else what the build would make of the same splits."""
    if published is None or published.format >= FORMAT:
        return False
    planned, present = _planned(plan, published), _fingerprints(published)
    return all(planned.get(name) == fingerprint for name, fingerprint in present.items())


def _planned(plan: Built, published: Manifest) -> dict[str, str]:
    """Fingerprint of each planned split, as the version that wrote the format of ``published`` makes it."""
    if published.format >= FORMAT:
        return {name: step.fingerprint for name, step in plan.splits.items()}
    return {name: replace(step, version=EARLIER_VERSION).fingerprint for name, step in plan.splits.items()}


def is_up_to_date(out: Path, plan: Built, published: Manifest) -> bool:
    """Whether exactly the steps of ``plan`` made the dataset in ``out``, and all of its files exist."""
    return made_by(plan, published) and all((out / name).is_file() for name in (*published.files, "README.md"))


def made_by(plan: Built, published: Manifest) -> bool:
    """Whether exactly the steps of ``plan`` made the published dataset."""
    return _fingerprints(published) == {name: step.fingerprint for name, step in plan.splits.items()}


def _fingerprints(manifest: Manifest) -> dict[str, str]:
    """Fingerprint of each published split."""
    return {entry.split: entry.fingerprint for entry in manifest.stages if entry.name == "assemble"}


def note_source(work: Path, recipe: Recipe) -> None:
    """Write to the work folder which source the build reads."""
    noted = {"source": _source_name(recipe)}
    if not (work / _FILE).exists() or read_json(work / _FILE) != noted:
        write_json(work / _FILE, noted)


def refuse_other_source(out: Path, recipe: Recipe) -> None:
    """Refuse to replace the unfinished build of another source; a finished one may be replaced.

    :raises UsageError: Naming the source of the unfinished build.
    """
    file = out / WORK / _FILE
    if (out / MANIFEST).exists() or not file.exists():
        return
    noted = read_json(file)["source"]
    if noted != _source_name(recipe):
        raise UsageError(
            f"the build in {out} is unfinished and reads source {noted}; "
            "to continue it give the same --source or --recipe, or choose another --out"
        )


def _source_name(recipe: Recipe) -> str:
    """The source of pages; the names of the question sets and imports for a recipe without pages."""
    if recipe.web is not None:
        return recipe.web.source
    names = (
        [text.name for text in recipe.text]
        + [one.name for one in recipe.qa]
        + [section.kind for section in recipe.imports]
    )
    return ", ".join(dict.fromkeys(names))


def note_recipe(work: Path, recipe: Recipe) -> None:
    """Keep the recipe that the published dataset was made by; its relative paths become absolute."""
    value: dict[str, Any] = anchored(recipe.model_dump(mode="json", by_alias=True), Path.cwd())
    file = work / _RECIPE_FILE
    if not file.exists() or read_json(file) != value:
        write_json(file, value)


def stored_recipe(out: Path) -> Recipe:
    """The recipe of the dataset published in ``out``.

    :raises UsageError: If it was not kept, or is not one of this version.
    """
    file = out / WORK / _RECIPE_FILE
    if not file.is_file():
        raise UsageError(
            f"{out} does not hold the recipe that it was built by; run its build once more, which keeps it"
        )
    return recipe_of(read_json(file), {}, f"of {out}")

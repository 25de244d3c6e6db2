"""How a published dataset stands to the build that is asked for: what stays, what is stale, what is up to date."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.pipeline import Built
from nyxqa.builders.question_sets.outputs import set_splits
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.files import read_json, write_json
from nyxqa.schemas.manifest import MANIFEST, WORK, Manifest, read_manifest
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_types import SplitName
from nyxqa.schemas.tables import QA_SPLITS

_FILE = "source.json"


def published_in(out: Path) -> Manifest | None:
    """The manifest of what is published in ``out``, if anything is."""
    return read_manifest(out) if (out / MANIFEST).exists() else None


def splits_to_publish(recipe: Recipe, split: SplitName, published: Manifest | None) -> list[str]:
    """Splits that will be published, in their order.

    :raises UsageError: If the recipe has nothing for ``split``.
    """
    filled = set(recipe.split.splits) if recipe.web is not None else set_splits(recipe)
    if recipe.web is not None and split not in {"all", *filled}:
        raise UsageError(f"split.{split} is 0, so there is no split {split} to build; set split.{split} to its size")
    if split != "all" and split not in filled:
        raise UsageError(f"nothing in the recipe belongs to split {split}; its sets have {', '.join(sorted(filled))}")
    have = published.splits("triplets") if published is not None else []
    return [name for name in QA_SPLITS if name in filled and (split in ("all", name) or name in have)]


def stale_splits(plan: Built, published: Manifest | None, split: SplitName) -> list[str]:
    """Published splits that this build would leave as they are although it would make them otherwise."""
    if published is None or split == "all":
        return []
    now = {name: step.fingerprint for name, step in plan.splits.items()}
    then = _fingerprints(published)
    return [name for name in QA_SPLITS if name in then and name != split and then[name] != now.get(name)]


def is_up_to_date(out: Path, plan: Built, published: Manifest) -> bool:
    """Whether ``out`` was made by the very steps of ``plan``, and every file is there."""
    if _fingerprints(published) != {name: step.fingerprint for name, step in plan.splits.items()}:
        return False
    return all((out / name).is_file() for name in (*published.files, "README.md"))


def _fingerprints(manifest: Manifest) -> dict[str, str]:
    """Fingerprint of each published split."""
    return {entry.split: entry.fingerprint for entry in manifest.stages if entry.name == "assemble"}


def note_source(work: Path, recipe: Recipe) -> None:
    """Note in the work folder where the pages of the build come from."""
    told = {"source": _source(recipe)}
    if not (work / _FILE).exists() or read_json(work / _FILE) != told:
        write_json(work / _FILE, told)


def refuse_other_source(out: Path, recipe: Recipe) -> None:
    """Leave the unfinished build of another source alone; a finished one may be built anew.

    :raises UsageError: Naming the source that it was begun with.
    """
    file = out / WORK / _FILE
    if (out / MANIFEST).exists() or not file.exists():
        return
    begun = read_json(file)["source"]
    if begun != _source(recipe):
        raise UsageError(
            f"the build in {out} is not finished and is of source {begun}; "
            "give the --source or --recipe it was begun with to go on, or choose another --out"
        )


def _source(recipe: Recipe) -> str:
    """The source of pages, or the question sets and imports of a recipe without."""
    if recipe.web is not None:
        return recipe.web.source
    names = [text.name for text in recipe.text] + [section.kind for section in recipe.imports]
    return ", ".join(dict.fromkeys(names))

"""How a published dataset stands to the build that is asked for: what stays, what is stale, what is up to date."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.pipeline import Built
from nyxqa.builders.stages.sets import set_splits
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.manifest import MANIFEST, Manifest, read_manifest
from nyxqa.schemas.recipe import Recipe, SplitName
from nyxqa.schemas.tables import QA_SPLITS


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

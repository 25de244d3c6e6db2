"""The recipe of what is published, kept in the work folder with its paths, so that it can be built again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.files import read_json, write_json
from nyxqa.schemas.manifest import WORK
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_file import anchored, recipe_of

_FILE = "recipe.json"


def note_recipe(work: Path, recipe: Recipe) -> None:
    """Keep the recipe that the published dataset was made by; its relative paths become absolute."""
    value: dict[str, Any] = anchored(recipe.model_dump(mode="json", by_alias=True), Path.cwd())
    file = work / _FILE
    if not file.exists() or read_json(file) != value:
        write_json(file, value)


def stored_recipe(out: Path) -> Recipe:
    """The recipe of the dataset published in ``out``.

    :raises UsageError: If it was not kept, or is not one of this version.
    """
    file = out / WORK / _FILE
    if not file.is_file():
        raise UsageError(
            f"{out} does not hold the recipe that it was built by; run its build once more, which keeps it"
        )
    return recipe_of(read_json(file), {}, f"of {out}")

"""What the build in a folder was begun with, so that a command that names no source does not put another there."""

from __future__ import annotations

from pathlib import Path

from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.files import read_json, write_json
from nyxqa.schemas.manifest import MANIFEST, WORK
from nyxqa.schemas.recipe import Recipe

_FILE = "source.json"


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

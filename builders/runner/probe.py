"""Asks the model once before anything is read, if the build is going to ask it at all."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.filters.conditions import may_pass
from nyxqa.builders.sources.base import Page, Source
from nyxqa.builders.stages.first_request import ask_first
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.schemas.errors import NyxqaError, WorldError
from nyxqa.schemas.recipe import Recipe

_PAGES = 16  # at the beginning of a source that are looked at for images


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

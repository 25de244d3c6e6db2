"""What a build is asked for, and whether its recipe can be built."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.chunking.tokenizers import first_tokenizer
from nyxqa.builders.engine.executors.protocol import Executor
from nyxqa.builders.engine.limits import Limits
from nyxqa.builders.filters.conditions import check_conditions
from nyxqa.builders.question_sets.validate import check_sets, refuse_placeholders
from nyxqa.builders.stages.captions import require_sight
from nyxqa.builders.stages.difficulty import require_checked
from nyxqa.builders.stages.verify import require_verifier
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_types import SplitName
from nyxqa.schemas.tables import QA


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
    :param update: Whether the dataset published in ``out`` is brought up to date with its pages: questions about
        unchanged documents stay.
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


def limits_of(recipe: Recipe) -> Limits:
    """Limits of the DuckDB databases of the build."""
    settings = recipe.duckdb
    folder = None if settings.folder is None else Path(settings.folder)
    return Limits(settings.memory, settings.threads, settings.spill, folder)

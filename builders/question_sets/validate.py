"""Checks of ``[[text]]``, ``[[import]]`` and ``[mixture]`` that need the recipe alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import get_args

from nyxqa.builders.question_sets.importers.files import sources_of
from nyxqa.builders.question_sets.importers.kinds import dataset_name
from nyxqa.builders.question_sets.outputs import pool_of
from nyxqa.builders.question_sets.passages import PASSAGE_KINDS
from nyxqa.builders.question_sets.questions import QUESTION_READERS
from nyxqa.builders.question_sets.row_source import parse_row_source
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.recipe import Recipe, TextSet
from nyxqa.schemas.recipe_types import ImportKind
from nyxqa.schemas.tables import DATASET, WEB


def check_sets(recipe: Recipe) -> None:
    """Check names, sources, ranks and encoders of all sets, and the names in the mixture.

    :raises UsageError: If a value is not valid; the message names the section and what to change.
    """
    for text in recipe.text:
        _check_text(text)
    _check_names(recipe)
    _check_pools(recipe)
    if recipe.mixture is not None:
        known = sorted(datasets(recipe))
        for name in chain(recipe.mixture.weights, recipe.mixture.caps):
            if name not in known:
                raise UsageError(
                    f"[mixture] names dataset {name!r}, which this recipe does not build{nearest(name, known)}"
                )


def datasets(recipe: Recipe) -> Iterator[str]:
    """Yield every value that column ``dataset`` can have."""
    names = {text.name for text in recipe.text}
    if recipe.web is not None:
        names.add(DATASET)
    names |= {dataset_name(one.kind, source.subset) for one in recipe.imports for source in sources_of(one)}
    yield from names


def _check_text(text: TextSet) -> None:
    label = f"[[text]] {text.name}"
    if text.negatives[1] > text.top_k:
        raise UsageError(f"{label}: negatives up to rank {text.negatives[1]} but top_k = {text.top_k}; raise top_k")
    for key, kinds in (("questions", tuple(QUESTION_READERS)), ("passages", PASSAGE_KINDS)):
        try:
            parse_row_source(getattr(text, key), kinds, key)
        except UsageError as error:
            raise UsageError(f"{label}: {key} = {error}") from error
    make_encoder(text.encoder)


def _check_names(recipe: Recipe) -> None:
    seen: set[tuple[str, str]] = set()
    for text in recipe.text:
        if text.name == DATASET or text.name in get_args(ImportKind):
            raise UsageError(f"[[text]] {text.name}: the name is reserved for another kind of dataset; choose another")
        if pool_of(text) == WEB or pool_of(text) in get_args(ImportKind):
            raise UsageError(f"[[text]] {text.name}: the pool name {pool_of(text)!r} is reserved; choose another")
        if (text.name, text.split) in seen:
            raise UsageError(f"[[text]] {text.name} occurs twice for split {text.split}; give each set its own name")
        seen.add((text.name, text.split))
    paths = [(section.kind, Path(section.path)) for section in recipe.imports]
    repeated = next((pair for pair in paths if paths.count(pair) > 1), None)
    if repeated is not None:
        raise UsageError(f"[[import]] {repeated[0]}: path {repeated[1]} occurs twice; remove one of the sections")


def _check_pools(recipe: Recipe) -> None:
    first: dict[str, TextSet] = {}
    for text in recipe.text:
        other = first.setdefault(pool_of(text), text)
        for key in ("passages", "license"):
            if getattr(text, key) != getattr(other, key):
                raise UsageError(
                    f"[[text]] {text.name}: pool {pool_of(text)!r} has different {key} in [[text]] {other.name} "
                    f"({getattr(text, key)!r}, {getattr(other, key)!r}); sections of one pool need equal {key}"
                )

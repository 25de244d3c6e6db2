"""What the recipe alone tells to be wrong with its sets and its mixture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import get_args

from nyxqa.builders.question_sets import passages, questions
from nyxqa.builders.question_sets.importers.files import sources_of
from nyxqa.builders.question_sets.importers.kinds import ImportKind, dataset_name
from nyxqa.builders.question_sets.outputs import pool_of
from nyxqa.builders.question_sets.sample import SAMPLE
from nyxqa.builders.row_files.hub import HubName
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.recipe import Recipe, TextSet
from nyxqa.schemas.tables import DATASET, WEB


def check_sets(recipe: Recipe) -> None:
    """Names, sources, ranks and encoders of all sets.

    :raises UsageError: Naming the section and what to change.
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
                    f"[mixture] names dataset {name!r}, which this recipe does not make{nearest(name, known)}"
                )


def datasets(recipe: Recipe) -> Iterator[str]:
    """Every name that column ``dataset`` can have."""
    found = {text.name for text in recipe.text}
    if recipe.web is not None:
        found.add(DATASET)
    found |= {dataset_name(one.kind, source.subset) for one in recipe.imports for source in sources_of(one)}
    yield from found


def _check_text(text: TextSet) -> None:
    label = f"[[text]] {text.name}"
    if text.negatives[1] > text.top_k:
        raise UsageError(f"{label}: negatives up to rank {text.negatives[1]} but top_k = {text.top_k}; raise top_k")
    for key, kinds in (("questions", tuple(questions.READERS)), ("passages", passages.KINDS)):
        spec = getattr(text, key)
        kind, _, place = spec.partition(":")
        valid = (*(f"{name}:FILE" for name in kinds), "hf:USER/NAME[/CONFIG]@REVISION", SAMPLE)
        if spec != SAMPLE and (kind not in (*kinds, "hf") or not place):
            raise UsageError(f"{label}: {key} = {spec!r} names no source; valid are {', '.join(valid)}")
        if kind == "hf":
            HubName.parse(place)
    make_encoder(text.encoder)


def _check_names(recipe: Recipe) -> None:
    seen: set[tuple[str, str]] = set()
    for text in recipe.text:
        if text.name == DATASET or text.name in get_args(ImportKind):
            raise UsageError(f"[[text]] {text.name}: the name is that of another kind of dataset; choose another")
        if pool_of(text) == WEB or pool_of(text) in get_args(ImportKind):
            raise UsageError(f"[[text]] {text.name}: the pool cannot be {pool_of(text)!r}; choose another")
        if (text.name, text.split) in seen:
            raise UsageError(f"[[text]] {text.name} stands twice for split {text.split}; give each set its own name")
        seen.add((text.name, text.split))
    paths = [(section.kind, Path(section.path)) for section in recipe.imports]
    twice = next((pair for pair in paths if paths.count(pair) > 1), None)
    if twice is not None:
        raise UsageError(f"[[import]] {twice[0]} names {twice[1]} twice")


def _check_pools(recipe: Recipe) -> None:
    first: dict[str, TextSet] = {}
    for text in recipe.text:
        other = first.setdefault(pool_of(text), text)
        for key in ("passages", "license"):
            if getattr(text, key) != getattr(other, key):
                raise UsageError(
                    f"[[text]] {text.name}: pool {pool_of(text)!r} has other {key} in [[text]] {other.name} "
                    f"({getattr(text, key)!r}, {getattr(other, key)!r}); equal pools need equal {key}"
                )

"""Checks of ``[[text]]``, ``[[qa]]``, ``[[import]]`` and ``[mixture]`` that need the recipe alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import get_args

from nyxqa.builders.question_sets.importers.files import sources_of
from nyxqa.builders.question_sets.importers.kinds import dataset_name
from nyxqa.builders.question_sets.mixed.factory import open_mixed
from nyxqa.builders.question_sets.outputs import pool_of
from nyxqa.builders.question_sets.passages import PASSAGE_KINDS
from nyxqa.builders.question_sets.questions import QUESTION_READERS
from nyxqa.builders.question_sets.row_source import parse_row_source
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.recipe import QaSet, Recipe, TextSet
from nyxqa.schemas.recipe_types import ImportKind
from nyxqa.schemas.tables import DATASET, QA_SPLITS, WEB


def check_sets(recipe: Recipe) -> None:
    """Check names, sources, ranks and encoders of all sets, and the names in the mixture.

    :raises UsageError: If a value is not valid; the message names the section and what to change.
    """
    for text in recipe.text:
        _check_text(text)
    for section in recipe.qa:
        _check_qa(section)
    _check_names(recipe)
    _check_licences(recipe)
    if recipe.mixture is not None:
        known = sorted(datasets(recipe))
        for name in chain(recipe.mixture.weights, recipe.mixture.caps):
            if name not in known:
                raise UsageError(
                    f"[mixture] names dataset {name!r}, which this recipe does not build{nearest(name, known)}"
                )


def datasets(recipe: Recipe) -> Iterator[str]:
    """Yield every value that column ``dataset`` can have."""
    names = {text.name for text in recipe.text} | {section.name for section in recipe.qa}
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


def _check_qa(section: QaSet) -> None:
    label = f"[[qa]] {section.name}"
    if section.negatives[1] > section.top_k:
        raise UsageError(
            f"{label}: negatives up to rank {section.negatives[1]} but top_k = {section.top_k}; raise top_k"
        )
    for key, specs in (("questions", [section.questions]), ("corpus", section.corpora)):
        for spec in specs:
            try:
                source = open_mixed(spec)
            except UsageError as error:
                raise UsageError(f"{label}: {key} = {error}") from error
            if source.kind == "jsonl" and key == "corpus" and not section.corpus:
                raise UsageError(f"{label}: a file of questions has no documents; name their file as corpus = ...")
    make_encoder(section.encoder)


def _check_names(recipe: Recipe) -> None:
    sections: list[tuple[str, str, str, str]] = [("text", text.name, pool_of(text), text.split) for text in recipe.text]
    sections += [("qa", section.name, pool_of(section), section.split or "") for section in recipe.qa]
    seen: dict[tuple[str, str], str] = {}
    for kind, name, pool, split in sections:
        if name in (DATASET, WEB) or name in get_args(ImportKind):
            raise UsageError(f"[[{kind}]] {name}: the name is reserved for another kind of dataset; choose another")
        if pool in (WEB, DATASET) or pool in get_args(ImportKind):
            raise UsageError(f"[[{kind}]] {name}: the pool name {pool!r} is reserved; choose another")
        for other in (split, "") if split else QA_SPLITS:
            if (name, other) in seen:
                where = f" for split {split}" if split else ""
                raise UsageError(f"[[{kind}]] {name} occurs twice{where}; give each set its own name")
        if any(one == name and other != kind for (one, _), other in seen.items()):
            raise UsageError(f"{name} is the name of a [[text]] and of a [[qa]] set; give each its own name")
        seen[name, split] = kind
    paths = [(section.kind, Path(section.path)) for section in recipe.imports]
    repeated = next((pair for pair in paths if paths.count(pair) > 1), None)
    if repeated is not None:
        raise UsageError(f"[[import]] {repeated[0]}: path {repeated[1]} occurs twice; remove one of the sections")


def _check_licences(recipe: Recipe) -> None:
    """Refuse one source of a pool under two licences."""
    named = [(pool_of(text), text.passages, text.license, f"[[text]] {text.name}") for text in recipe.text]
    named += [
        (pool_of(section), spec, section.license, f"[[qa]] {section.name}")
        for section in recipe.qa
        for spec in section.corpora
    ]
    first: dict[tuple[str, str], tuple[str | None, str]] = {}
    for pool, spec, own, label in named:
        other, where = first.setdefault((pool, spec), (own, label))
        if own != other:
            raise UsageError(
                f"{label}: pool {pool!r} has a different license of {spec} in {where} ({own!r}, {other!r}); "
                "sections of one pool need equal license of a source that they share"
            )

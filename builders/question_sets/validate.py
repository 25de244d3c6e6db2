"""Checks of question sets, imports and ``[mixture]`` that need the recipe alone, and the revisions that it pins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args

from nyxqa.builders.question_sets.importers.kinds import dataset_name
from nyxqa.builders.question_sets.importers.triplets import sources_of
from nyxqa.builders.question_sets.mixed.factory import mixed_hub_name, open_mixed
from nyxqa.builders.question_sets.outputs import pool_of
from nyxqa.builders.question_sets.passages import PASSAGE_KINDS
from nyxqa.builders.question_sets.questions import QUESTION_READERS
from nyxqa.builders.question_sets.row_source import hub_name, parse_row_source
from nyxqa.retriever.encoders.e5 import parse_e5
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.models.checkpoints import resolve_revision
from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.recipe import QaSet, Recipe, TextSet
from nyxqa.schemas.recipe_types import ImportKind
from nyxqa.schemas.tables import DATASET, QA_SPLITS, WEB

_PLACEHOLDER = re.compile(r"<([^<>]+)>")


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


def refuse_placeholders(recipe: Recipe) -> None:
    """Refuse a recipe that still has a placeholder in place of a path.

    :raises UsageError: With the list of what has to be downloaded.
    """
    missing = list(dict.fromkeys(found for value in _sources(recipe) for found in _PLACEHOLDER.findall(value)))
    if missing:
        raise UsageError(
            f"the recipe needs {len(missing)} downloads, and has <...> where their paths belong: {'; '.join(missing)}. "
            "Write the recipe into a file (nyxqa recipe NAME > own.toml), put the paths in, and build with that file"
        )


def _sources(recipe: Recipe) -> Iterator[str]:
    for text in recipe.text:
        yield from (text.questions, text.passages)
    for section in recipe.qa:
        yield from (section.questions, *section.corpora)
    for one in recipe.imports:
        yield from (one.path, one.images or "")


def pinned(recipe: Recipe) -> tuple[Recipe, dict[str, str]]:
    """Return the recipe with a commit in every name on the Hub of its question sets, and these commits by name.

    :raises WorldError: If the Hub does not answer.
    """
    revisions: dict[str, str] = {}
    texts = []
    for text in recipe.text:
        changed: dict[str, Any] = {
            key: _pinned_source(getattr(text, key), revisions) for key in ("questions", "passages")
        }
        changed["encoder"] = _pinned_encoder(text.encoder, revisions)
        texts.append(text.model_copy(update=changed))
    sections = []
    for section in recipe.qa:
        changed = {
            "questions": _pinned_mixed(section.questions, revisions),
            "corpus": [_pinned_mixed(spec, revisions) for spec in section.corpora],
            "encoder": _pinned_encoder(section.encoder, revisions),
        }
        sections.append(section.model_copy(update=changed))
    return recipe.model_copy(update={"text": texts, "qa": sections}), revisions


def _pinned_mixed(spec: str, revisions: dict[str, str]) -> str:
    hub = mixed_hub_name(spec)
    if hub is None:
        return spec
    name = f"hf:{hub.name}{'' if hub.revision is None else f'@{hub.revision}'}"
    return f"mteb:{_pinned_source(name, revisions)}"


def _pinned_source(spec: str, revisions: dict[str, str]) -> str:
    hub = hub_name(spec)
    if hub is None:
        return spec
    if spec not in revisions:
        revisions[spec] = str(hub.pinned().revision)
    config = f"/{hub.config}" if hub.config else ""
    return f"hf:{hub.name}{config}@{revisions[spec]}"


def _pinned_encoder(spec: str, revisions: dict[str, str]) -> str:
    kind, _, rest = spec.partition(":")
    if kind != "e5":
        return spec
    model = parse_e5(rest)
    if Path(model.model).is_dir():
        return spec
    if spec not in revisions:
        revisions[spec] = resolve_revision(model.model, model.revision)
    _, mark, options = rest.partition("?")
    return f"e5:{model.model}@{revisions[spec]}{mark}{options}"

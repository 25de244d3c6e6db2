"""Which commits the names on the Hub in ``[[text]]`` and ``[[qa]]`` resolve to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nyxqa.builders.question_sets.mixed.factory import mixed_hub_name
from nyxqa.builders.question_sets.row_source import hub_name
from nyxqa.retriever.encoders.e5 import parse_e5
from nyxqa.retriever.models.checkpoints import resolve_revision
from nyxqa.schemas.recipe import Recipe


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

"""The page of recipe keys: each with its type, its default and its meaning, from the models that read a recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from docs.generate.markdown import code, table
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_text import models_of

_HEAD = """# Recipe: all keys

One TOML file decides the output. This page is made from the models that read it; [the guide](../recipe.md) explains
them with examples, and `nyxqa recipe NAME` prints a shipped recipe with every key explained. `--set SECTION.KEY=VALUE`
changes one. Sections in double brackets may occur several times.
"""


def recipe_page() -> str:
    """The page."""
    own: list[tuple[str, str, str, str]] = []
    parts = []
    for name, field in Recipe.model_fields.items():
        key, model = field.alias or name, next(iter(models_of(field.annotation)), None)
        if model is None:
            own.append(_row(key, field))
            continue
        title = f"[[{key}]]" if isinstance(field.get_default(call_default_factory=True), list) else f"[{key}]"
        about = " ".join((model.__doc__ or field.description or "").split())
        rows = list(_rows(model, ""))
        parts.append(f"## `{title}`\n\n{about}\n\n{table(('key', 'type', 'default', 'meaning'), rows)}\n")
    return "\n".join([_HEAD, table(("key", "type", "default", "meaning"), own), "", *parts])


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """The keys of a section, those of a section inside it by their dotted names."""
    for name, field in model.model_fields.items():
        key, inner = f"{prefix}{field.alias or name}", next(iter(models_of(field.annotation)), None)
        yield _row(key, field)
        if inner is not None:
            yield from _rows(inner, f"{key}.")


def _row(key: str, field: FieldInfo) -> tuple[str, str, str, str]:
    return code(key), code(_type(field.annotation)), _default(field), field.description or ""


def _type(annotation: Any) -> str:
    text = (
        annotation.__name__ if isinstance(annotation, type) and not hasattr(annotation, "__args__") else str(annotation)
    )
    for noise in ("typing.", "nyxqa.schemas.recipe_types.", "nyxqa.schemas.recipe_sets."):
        text = text.replace(noise, "")
    return text if len(text) < 80 and "Annotated" not in text and "FieldInfo" not in text else _plain(annotation)


def _plain(annotation: Any) -> str:
    """A type without the conditions on its values."""
    arguments = getattr(annotation, "__args__", ())
    kinds = dict.fromkeys(_type(one) for one in arguments if isinstance(one, type) or hasattr(one, "__args__"))
    return " | ".join(kinds) or "value"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "needed"
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return "not set" if value is None else code(json.dumps(value, default=list))

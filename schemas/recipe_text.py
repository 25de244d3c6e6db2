"""A recipe as commented TOML, which reads back as the same recipe; and the keys that a recipe has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nyxqa.schemas.recipe import Recipe

_WIDTH = 100  # columns of a comment


def recipe_text(recipe: Recipe, name: str) -> str:
    """Every key with its value and what it means; a key that is not set is in a comment.

    :param name: Name of the recipe, for the first line.
    """
    lines = [f"# Recipe {name}: every key, its value and what it means. One value is changed with --set KEY=VALUE."]
    sections: list[str] = []
    for field_name, field in Recipe.model_fields.items():
        key, value = field.alias or field_name, getattr(recipe, field_name)
        model = _section(field)
        if model is None:
            lines += ["", *_key(key, value, field)]
        elif isinstance(value, BaseModel):
            sections += ["", *_comment(model.__doc__), f"[{key}]", *_keys(value)]
        elif isinstance(value, list):
            sections += [] if value else ["", *_comment(f"[[{key}]]: {field.description}; none here.")]
            for item in value:
                sections += ["", *_comment(model.__doc__), f"[[{key}]]", *_keys(item)]
        else:
            sections += ["", *_comment(f"[{key}]: {field.description}")]
    return "\n".join([*lines, *sections]) + "\n"


def recipe_keys() -> list[str]:
    """The dotted key of every value that ``--set`` takes, in the order of a recipe."""
    return list(_dotted(Recipe, ""))


def keys_of(section: str) -> list[str]:
    """Names of the keys of a section; nothing if there is no such section."""
    return [key.removeprefix(f"{section}.") for key in recipe_keys() if key.startswith(f"{section}.")]


def _dotted(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        key, inner = f"{prefix}{field.alias or name}", _section(field)
        if inner is None:
            yield key
        elif not _is_list(field):
            yield from _dotted(inner, f"{key}.")


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a section, or of the items of a list of sections; None for a value."""
    return next(iter(models_of(field.annotation)), None)


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The models that a type holds, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_of(argument)]


def _is_list(field: FieldInfo) -> bool:
    return isinstance(field.get_default(call_default_factory=True), list)


def _keys(section: BaseModel) -> Iterator[str]:
    for name, field in type(section).model_fields.items():
        yield from _key(field.alias or name, getattr(section, name), field)


def _key(key: str, value: Any, field: FieldInfo) -> list[str]:
    comment = _comment(field.description)
    if value is None:
        return [*comment, f"# {key} = (not set)"]
    return [*comment, f"{key} = {_toml(value)}"]


def _comment(text: str | None) -> list[str]:
    from textwrap import wrap

    first = (text or "").strip().partition("\n\n")[0]
    return [f"# {line}" for line in wrap(" ".join(first.split()), _WIDTH)]


def _toml(value: Any) -> str:
    """A value on one line."""
    import tomli_w

    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True, exclude_none=True)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_bare(key)} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return tomli_w.dumps({"value": value}).partition(" = ")[2].strip()


def _bare(key: str) -> str:
    """A key as TOML writes it, in quotes where needed."""
    import tomli_w

    return tomli_w.dumps({key: 0}).rpartition(" = ")[0]

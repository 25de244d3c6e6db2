"""From a recipe's ``[train]`` and the command line to settings and a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Literal

from nyxqa.retriever.models.factory import ModelOptions
from nyxqa.retriever.models.lora import LORA, Lora
from nyxqa.retriever.training.settings import TrainSettings, default_settings
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_file import parse_override, read_recipe, recipe_of
from nyxqa.schemas.recipe_train import LoraShape, Train

_LISTED = ("dims", "weights")
_NUMBERS = {"dims": int, "weights": float}

# Keys that a small model without adapters or images does not read, and what it lacks.
_NOT_OF_TINY = {"lora": "adapters", "max_pixels": "images", "checkpointing": "activations worth recomputing"}


def train_section(recipe: str | None, overrides: Sequence[str] = (), flags: Mapping[str, Any] | None = None) -> Train:
    """Section ``[train]`` of a recipe with values in place of its own.

    :param recipe: Name of a shipped recipe, or a TOML file; the defaults if None.
    :param overrides: ``KEY=VALUE`` as on the command line.
    :param flags: Values by key; ``lora.KEY`` for a key of the adapters, lists as text with commas.
    :raises UsageError: If the recipe, a key or a value is not valid.
    """
    found = Recipe() if recipe is None else read_recipe(recipe)
    data = found.train.model_dump(exclude_none=True, by_alias=True)
    if recipe is not None:
        data.setdefault("seed", found.seed)
    shape = {name.partition(".")[2]: value for name, value in (flags or {}).items() if name.startswith("lora.")}
    data |= {name: _read(name, value) for name, value in (flags or {}).items() if not name.startswith("lora.")}
    if "targets" in shape:
        shape["targets"] = [one.strip() for one in shape["targets"].split(",") if one.strip()]
    if shape:
        data["lora"] = {**_as_table(data.get("lora")), **shape}
    given = {f"train.{key}": value for key, value in map(parse_override, overrides)}
    return recipe_of({"train": data}, given, recipe or "the command line").train


def _read(name: str, value: Any) -> Any:
    if name not in _NUMBERS or not isinstance(value, str):
        return value
    try:
        return [_NUMBERS[name](one) for one in value.split(",")]
    except ValueError as error:
        raise UsageError(f"--{name} takes numbers with commas, not {value!r}") from error


def _as_table(lora: Any) -> dict[str, Any]:
    """A shape by name as the table of its keys.

    :raises UsageError: If there are to be no adapters.
    """
    if isinstance(lora, dict):
        return lora
    if lora is False:
        raise UsageError("--lora none trains all weights; leave out the other options of adapters")
    shape = LORA["paper" if lora in (None, True) else lora]
    return {**asdict(shape), "targets": list(shape.targets)}


def train_settings(spec: str, section: Train, overrides: Mapping[str, Any] | None = None) -> TrainSettings:
    """The settings of a run: the defaults of the model, then the recipe's, then ``overrides``.

    :param spec: Name of the model.
    :raises UsageError: If a value is out of range.
    """
    names = {one.name for one in fields(TrainSettings)}
    given = {name: value for name, value in section.model_dump(exclude={"lora"}).items() if name in names}
    given = {name: tuple(value) if name in _LISTED else value for name, value in given.items()}
    known = {name: value for name, value in given.items() if value is not None and value != ()}
    return replace(default_settings(spec), **{**known, **(overrides or {})})


def refuse_unused(spec: str, given: Mapping[str, Any]) -> None:
    """Refuse options that the model does not read, rather than train as if they had not been given.

    :param given: Options of the command by their keys of ``[train]``; a recipe's keys may be for other models.
    :raises UsageError: Naming the first of them.
    """
    if spec.partition(":")[0] != "tiny":
        return
    for name, value in given.items():
        key = name.partition(".")[0]
        if key in _NOT_OF_TINY and value is not False:
            option = name.rpartition(".")[2] if name == "lora.dora" else name.replace(".", "-").replace("_", "-")
            raise UsageError(f"--{option} is for nyx: and hf: models; tiny has no {_NOT_OF_TINY[key]}")


def model_options(section: Train, device: str = "") -> ModelOptions:
    """How the recipe opens a model."""
    return ModelOptions(_shape(section.lora), section.checkpointing, section.max_pixels, device)


def _shape(given: LoraShape | bool | str | None) -> Lora | Literal["default"] | None:
    if given is None:
        return "default"
    if isinstance(given, LoraShape):
        return Lora(given.rank, given.alpha, given.dropout, given.dora, tuple(given.targets))
    if isinstance(given, str):
        return LORA[given]
    return LORA["paper"] if given else None

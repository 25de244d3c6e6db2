"""Reading a recipe: shipped name or TOML file, overrides, and errors that name the nearest valid key."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_text import keys_of, models_of, recipe_keys
from nyxqa.schemas.web.s3 import S3

_SHIPPED = Path(__file__).parent / "recipes"
_ENCODER_KINDS = ("tiny", "nyx", "hf")


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in _SHIPPED.glob("*.toml"))


def read_recipe(name: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe ``name`` (shipped, or a TOML file) with dotted-key ``overrides`` applied.

    :raises UsageError: If the recipe does not exist, is not TOML, or a key or value is not valid.
    """
    file = _find(name)
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"recipe {file.name}: not valid TOML: {error}") from error
    return recipe_of(anchored(data, file.parent), overrides or {}, file.name)


def recipe_of(data: dict[str, Any], overrides: Mapping[str, Any], name: str) -> Recipe:
    """The recipe that ``data`` holds, changed in place by dotted-key ``overrides``.

    :param name: Name of the recipe, for errors.
    :raises UsageError: If a key or value is not valid.
    """
    for key, value in overrides.items():
        _put(data, key, value)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise UsageError(_fault_of_override(error, overrides) or f"recipe {name}: {explain(error)}") from error


def _fault_of_override(error: ValidationError, overrides: Mapping[str, Any]) -> str:
    """The fault in one line, if it is an unknown key that an override names; else ""."""
    unknown = (one for one in error.errors(include_url=False) if one["type"] == "extra_forbidden")
    for fault in unknown:
        dotted = ".".join(str(part) for part in fault["loc"])
        for key, value in overrides.items():
            if key == dotted or key.startswith(f"{dotted}."):
                return f"--set {key}={_as_given(value)}: unknown key{_nearest_key(key)}"
    return ""


def _as_given(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _nearest_key(key: str) -> str:
    """A hint with the key most similar to ``key``: within its section if there is such a section."""
    section, _, last = key.rpartition(".")
    if own := keys_of(section):
        close = difflib.get_close_matches(last, own, n=1, cutoff=0.5)
        return f"; did you mean {section}.{close[0]}?" if close else f"; keys of {section}: {', '.join(own)}"
    close = difflib.get_close_matches(key, [*recipe_keys(), *_valid_names([])], n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else "; nyxqa recipe lists all keys"


def parse_override(text: str) -> tuple[str, Any]:
    """``KEY=VALUE`` with a TOML value; a value that is not TOML is taken as a string.

    :raises UsageError: If there is no ``=`` or no key.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set takes KEY=VALUE, not {text!r}")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value


def explain(error: ValidationError) -> str:
    """One line for the first fault, an unknown key before any other: where it is, what was given, what is valid."""
    faults = error.errors(include_url=False)
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    if fault["type"] == "extra_forbidden":
        *where, key = fault["loc"]
        dotted = ".".join(str(part) for part in fault["loc"])
        return f"unknown key {dotted!r}{nearest(str(key), _valid_names(where))}"
    dotted = ".".join(_keys(fault["loc"]))
    if fault["type"] == "missing":
        return f"missing key {dotted!r}"
    if fault["type"] in ("model_type", "dict_type") and (keys := keys_of(dotted)):
        return f"{dotted} is a section; its keys: {', '.join(keys)}"
    return f"{dotted or 'recipe'} = {fault['input']!r}: {fault['msg'].removeprefix('Value error, ')}"


def _keys(location: Sequence[Any]) -> list[str]:
    """The keys of a location; behind a value's key the validator names the alternative it tried."""
    keys: list[str] = []
    for depth, part in enumerate(location):
        names = _valid_names(location[:depth])
        if isinstance(part, str) and part not in names and names:
            break
        if not names and not isinstance(part, int):
            break
        keys.append(str(part))
    return keys


def _find(name: str) -> Path:
    if name in shipped_recipes():
        return _SHIPPED / f"{name}.toml"
    file = Path(name)
    if file.is_file():
        return file.absolute()
    if file.suffix == ".toml" or "/" in name:
        raise UsageError(f"recipe file {name} does not exist")
    raise UsageError(f"unknown recipe {name!r}{nearest(name, shipped_recipes())}")


def _put(data: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    for depth, key in enumerate(path):
        data = data.setdefault(key, {})
        if not isinstance(data, dict):
            raise UsageError(f"{'.'.join(path[: depth + 1])!r} is not a section, so {dotted!r} cannot be set")
    data[last] = value


def _valid_names(where: Sequence[Any]) -> list[str]:
    model: Any = Recipe
    for key in where:
        if isinstance(key, int):
            continue
        found = next((f for n, f in model.model_fields.items() if key in (n, f.alias)), None)
        models = models_of(found.annotation) if found is not None else []
        if not models:
            return []
        model = models[0]
    return [field.alias or name for name, field in model.model_fields.items()]


def anchored(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """``data``, a recipe as JSON types, with its relative paths, changed in place, relative to ``folder``."""
    web = data.get("web")
    if isinstance(web, dict) and isinstance(web.get("source"), str):
        web["source"] = _anchored(web["source"], folder)
    set_files = [(s, k) for s in _tables(data, "text") for k in ("questions", "passages")]
    set_files += [(s, k) for s in _tables(data, "qa") for k in ("questions", "corpus")]
    for section, key in set_files:
        value = section.get(key)
        if isinstance(value, str):
            section[key] = _anchored(value, folder)
        elif isinstance(value, list):
            section[key] = [_anchored(one, folder) if isinstance(one, str) else one for one in value]
    negatives = data.get("negatives")
    searched = [*([negatives] if isinstance(negatives, dict) else []), *_tables(data, "text"), *_tables(data, "qa")]
    for section in searched:
        if isinstance(section.get("encoder"), str):
            section["encoder"] = _anchored_vectors(_anchored(section["encoder"], folder, _ENCODER_KINDS), folder)
    judged = data.get("qrels")
    if isinstance(judged, dict) and isinstance(judged.get("systems"), list):
        judged["systems"] = [
            _anchored(s, folder, _ENCODER_KINDS) if isinstance(s, str) else s for s in judged["systems"]
        ]
    for section in _tables(data, "import"):
        for key in ("path", "images"):
            if isinstance(section.get(key), str) and not section[key].startswith(("hf:", "<")):
                section[key] = str(folder / section[key])
    limits = data.get("duckdb")
    if isinstance(limits, dict) and isinstance(limits.get("folder"), str):
        limits["folder"] = str(folder / limits["folder"])
    filters = data.get("filters")
    synthesize = data.get("synthesize")
    for key in ("style", "prompt"):
        if isinstance(synthesize, dict) and isinstance(synthesize.get(key), str) and synthesize[key]:
            synthesize[key] = str(folder / synthesize[key])
    if isinstance(filters, dict) and isinstance(filters.get("decontaminate"), list):
        filters["decontaminate"] = [str(folder / f) if isinstance(f, str) else f for f in filters["decontaminate"]]
    return data


def _tables(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    listed = data.get(key)
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _anchored(value: str, folder: Path, kinds: Sequence[str] | None = None) -> str:
    """``KIND:PATH`` with a path relative to ``folder``; names on the Hub, URLs and addresses of S3 stay.

    :param kinds: Kinds followed by a path; None for all.
    """
    kind, _, path = value.partition(":")
    if not path or path.startswith(("hf:", "//", "<", S3)) or kind == "hf" or (kinds is not None and kind not in kinds):
        return value
    return f"{kind}:{folder / path}"


def _anchored_vectors(encoder: str, folder: Path) -> str:
    """``e5:MODEL?vectors=FILE`` with FILE relative to ``folder``."""
    before, option, rest = encoder.partition("vectors=")
    if not encoder.startswith("e5:") or not option or before[-1:] not in ("?", "&"):
        return encoder
    file, mark, others = rest.partition("&")
    return f"{before}{option}{folder / file}{mark}{others}"

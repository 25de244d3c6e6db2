import json
import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from nyxqa.schemas.recipe import Recipe

ROOT = Path(__file__).parent.parent
RECIPE = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")


def sections() -> list[tuple[str, type[BaseModel]]]:
    found = []
    for name, field in Recipe.model_fields.items():
        models = [
            a
            for a in (field.annotation, *get_args(field.annotation))
            if isinstance(a, type) and issubclass(a, BaseModel)
        ]
        found += [(field.alias or name, model) for model in models]
    return found


def section_text(section: str) -> str:
    start = re.search(rf"^## .*`\[+{section}\]+`", RECIPE, re.MULTILINE)
    assert start is not None, f"docs/recipe.md has no section [{section}]"
    return RECIPE[start.end() :].split("\n## ")[0]


def documented(section: str, key: str) -> str:
    """The default in the one row of ``key`` in its section."""
    (found,) = re.findall(rf"^\| `(?:{section}\.)?{key}` \|([^|]*)\|", section_text(section), re.MULTILINE)
    return str(found).strip()


@pytest.mark.parametrize(("section", "model"), sections())
def test_every_key_of_a_recipe_is_documented(section: str, model: type[BaseModel]) -> None:
    text = section_text(section)
    missing = [key for key in model.model_fields if f"`{key}`" not in text and f"`{section}.{key}`" not in text]
    assert missing == []


@pytest.mark.parametrize(("section", "model"), sections())
def test_documented_defaults_are_the_defaults(section: str, model: type[BaseModel]) -> None:
    found = {key: documented(section, key) for key in model.model_fields}
    # Of the others a word or nothing says what holds: "all", "none".
    told = {
        key: json.dumps(field.default)
        for key, field in model.model_fields.items()
        if isinstance(field.default, bool | int | float | str) or (isinstance(field.default, list) and field.default)
    }
    assert {key: found[key] for key in told} == told
    others = {key: value for key, value in found.items() if key not in told}
    assert [key for key, value in others.items() if re.search(r'^[\d"]|true|false', value) and key != "weights"] == []


def test_the_seed_of_the_docs_is_the_default() -> None:
    assert f"| `seed` | {Recipe.model_fields['seed'].default} |" in RECIPE

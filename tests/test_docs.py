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


@pytest.mark.parametrize(("section", "model"), sections())
def test_every_key_of_a_recipe_is_documented(section: str, model: type[BaseModel]) -> None:
    start = re.search(rf"^## .*`\[+{section}\]+`", RECIPE, re.MULTILINE)
    assert start is not None, f"docs/recipe.md has no section [{section}]"
    text = RECIPE[start.end() :].split("\n## ")[0]
    missing = [key for key in model.model_fields if f"`{key}`" not in text and f"`{section}.{key}`" not in text]
    assert missing == []


@pytest.mark.parametrize(("section", "model"), sections())
def test_documented_defaults_are_the_defaults(section: str, model: type[BaseModel]) -> None:
    for key, field in model.model_fields.items():
        row = re.search(rf"^\| `(?:{section}\.)?{key}` \|([^|]*)\|", RECIPE, re.MULTILINE)
        assert row is not None
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            defaults = re.findall(rf"^\| `(?:{section}\.)?{key}` \|([^|]*)\|", RECIPE, re.MULTILINE)
            assert str(field.default) in [value.strip() for value in defaults]

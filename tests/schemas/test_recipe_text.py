"""A printed recipe reads back as itself, and says what each key means."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from nyxqa.schemas.recipe_file import read_recipe, shipped_recipes
from nyxqa.schemas.recipe_text import keys_of, recipe_keys, recipe_text
from tests.support.running import leave


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_printed_recipe_is_the_same_recipe(name: str, tmp_path: Path) -> None:
    printed = recipe_text(read_recipe(name), name)
    (tmp_path / "mine.toml").write_text(printed)
    assert read_recipe(str(tmp_path / "mine.toml")) == read_recipe(name)
    lines = printed.splitlines()
    for number, line in enumerate(lines):
        if " = " in line and not line.startswith("#"):
            assert lines[number - 1].startswith("# "), line


def test_changed_values_are_printed(tmp_path: Path) -> None:
    changed = {
        "sample.count": 10,
        "sample.shares": {"text": 0.5, "single": 0.25, "multi": 0.25},
        "filters.corpus": ["title <> 'a \"b\" \\\\ c'", "n_tokens > 3"],
        "mixture.weights": {"mmeb/OK-VQA": 0.5, "nyxqa": 2.0},
        "images.allow_private": ["10.0.0.0/8"],
    }
    recipe = read_recipe("nyxqa", changed)
    (tmp_path / "mine.toml").write_text(recipe_text(recipe, "nyxqa"))
    assert read_recipe(str(tmp_path / "mine.toml")) == recipe


def test_keys_are_those_of_the_sections() -> None:
    keys = recipe_keys()
    assert keys[:3] == ["seed", "web.source", "web.limit"]
    assert keys_of("chunk") == ["max_tokens", "max_images", "tokenizer", "unit"]
    assert len(set(keys)) == len(keys)
    assert keys_of("nothing") == []


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("recipe", "paper") == 0
    assert tomllib.loads(capsys.readouterr().out)["web"]["every"] == 5000
    assert leave("recipe", "papper") == 2
    assert "did you mean 'paper'" in capsys.readouterr().err

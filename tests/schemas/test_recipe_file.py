"""Recipe files: where they are found and what their paths are relative to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe_file import parse_override, read_recipe

_FILE = """
seed = 7
[web]
source = "html:pages"
[filters]
decontaminate = ["bench.jsonl", "/abs.jsonl"]
[negatives]
encoder = "nyx:runs/one"
[[text]]
name = "hotpotqa"
questions = "flashrag:q.jsonl"
passages = "hf:someone/passages@v1"
encoder = "e5:intfloat/e5-base-v2"
[[text]]
name = "second"
questions = "2wiki:/data/q.json"
passages = "psgs:p.tsv"
encoder = "tiny:model"
[[import]]
kind = "mmeb"
path = "hf:TIGER-Lab/MMEB-train@main"
images = "zips"
"""


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/my.toml").write_text(_FILE)
    monkeypatch.chdir(tmp_path)
    recipe = read_recipe("sub/my.toml")
    folder = tmp_path / "sub"
    assert recipe.web is not None
    assert recipe.web.source == f"html:{folder}/pages"
    assert recipe.filters.decontaminate == [f"{folder}/bench.jsonl", "/abs.jsonl"]
    assert recipe.negatives.encoder == f"nyx:{folder}/runs/one"
    first, second = recipe.text
    assert (first.questions, first.passages) == (f"flashrag:{folder}/q.jsonl", "hf:someone/passages@v1")
    assert (second.questions, second.passages) == ("2wiki:/data/q.json", f"psgs:{folder}/p.tsv")
    assert (first.encoder, second.encoder) == ("e5:intfloat/e5-base-v2", f"tiny:{folder}/model")
    assert (recipe.imports[0].path, recipe.imports[0].images) == ("hf:TIGER-Lab/MMEB-train@main", f"{folder}/zips")


def test_overrides_go_above_the_file_and_stay_relative_to_the_command(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(_FILE)
    recipe = read_recipe(str(tmp_path / "my.toml"), {"seed": 8, "web.source": "html:other", "chunk.max_tokens": 50})
    assert (recipe.seed, recipe.chunk.max_tokens) == (8, 50)
    assert recipe.web is not None
    assert recipe.web.source == "html:other"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("papper", "unknown recipe 'papper'; did you mean 'paper'?"),
        ("xyz", "unknown recipe 'xyz'; valid names: nyxqa, paper, paper-code, paper-stage1, paper-stage2, sample"),
        ("gone.toml", "recipe file gone.toml does not exist"),
        ("some/where", "recipe file some/where does not exist"),
    ],
)
def test_a_recipe_that_is_not_there(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_recipe(name)
    assert str(caught.value) == message


@pytest.mark.parametrize("data", [b"seed = ", b"\xff\xfe", b"seed = 1\nseed = 2"])
def test_what_is_no_toml_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.toml").write_bytes(data)
    with pytest.raises(UsageError, match=r"recipe bad\.toml: not valid TOML: "):
        read_recipe(str(tmp_path / "bad.toml"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seed=7", ("seed", 7)),
        ("split.validation = 0.2", ("split.validation", 0.2)),
        ("dedup.enabled=false", ("dedup.enabled", False)),
        ("negatives.ranks=[1, 5]", ("negatives.ranks", [1, 5])),
        ("vlm.model=openai:m@http://h/v1", ("vlm.model", "openai:m@http://h/v1")),
        ('web.license="a=b"', ("web.license", "a=b")),
    ],
)
def test_overrides_are_parsed(text: str, expected: tuple[str, Any]) -> None:
    assert parse_override(text) == expected


@pytest.mark.parametrize("text", ["seed", "=1", "", " = 1"])
def test_an_override_needs_a_key_and_a_value(text: str) -> None:
    with pytest.raises(UsageError, match="--set takes KEY=VALUE, not"):
        parse_override(text)

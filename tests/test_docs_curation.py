"""The examples of docs/curation.md do what they say."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from nyxqa.builders.filter import check_conditions
from nyxqa.builders.near.across import CrossPairs
from nyxqa.builders.near.result import DedupResult
from nyxqa.schemas.recipe import Filters
from nyxqa.schemas.tables import QA

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "curation.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_examples_print_what_stands_below_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    runpy.run_path("examples.py")
    assert capsys.readouterr().out == "".join(blocks("text"))
    assert len(blocks("python")) == len(blocks("text")) == 3


def test_the_conditions_are_conditions() -> None:
    (section,) = blocks("toml")
    check_conditions(Filters(**tomllib.loads(section)["filters"]), QA.schema)


def test_every_table_is_named_and_the_page_is_linked() -> None:
    assert [name for name in DedupResult.TABLES if f"| `{name}` |" not in PAGE] == []
    assert "`links`" in PAGE
    assert set(CrossPairs.TABLES) == {"texts", "images", "links"}
    assert "docs/curation.md" in (ROOT / "README.md").read_text(encoding="utf-8")

"""The examples of docs/curation.md do what they say."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pyarrow as pa
import pytest

from nyxqa.builders.dedup.cross_split import CrossPairs
from nyxqa.builders.dedup.result import DedupResult
from nyxqa.builders.filters.conditions import DocumentConditions, check_conditions, first_failed
from nyxqa.builders.stages.filter import filter_shard
from nyxqa.schemas.recipe import Filters
from nyxqa.schemas.tables import QA
from tests.support.rows import DOCUMENTS, document, write

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


def test_the_conditions_hold_of_what_they_should_keep(tmp_path: Path) -> None:
    (section,) = blocks("toml")
    filters = Filters(**tomllib.loads(section)["filters"])
    check_conditions(filters, QA.schema)
    rows = [
        document("good", 0, "word " * 20, language="en"),
        document("unknown", 0, "word " * 21),
        document("short", 0, "word " * 19),
        document("crowded", 0, "word " * 22, [f"{n}" * 64 for n in range(5)]),
        document("foreign", 0, "word " * 23, language="de"),
    ]
    output = filter_shard([DocumentConditions(filters.corpus)], write(tmp_path / "part.parquet", rows, DOCUMENTS))
    assert output.rows["page_id"].to_pylist() == ["good", "unknown"]
    assert [drop.detail for drop in output.account.dropped] == filters.corpus
    answers = pa.table({"answer": ["a" * 59, "a" * 60]})
    assert first_failed(answers, filters.qa, "filters.qa") == [None, *filters.qa]


def test_every_table_is_named_and_the_page_is_linked() -> None:
    assert [name for name in DedupResult.TABLES if f"| `{name}` |" not in PAGE] == []
    assert "`links`" in PAGE
    assert set(CrossPairs.TABLES) == {"texts", "images", "links"}
    assert "docs/curation.md" in (ROOT / "README.md").read_text(encoding="utf-8")

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nyxqa.builders.question_sets.passages import PASSAGE_KINDS
from nyxqa.builders.question_sets.questions import QUESTION_READERS
from nyxqa.builders.question_sets.row_source import RowSource, parse_row_source
from nyxqa.builders.row_files.hub import HubName
from nyxqa.schemas.errors import UsageError

DOCS = Path(__file__).parents[3] / "docs" / "recipe.md"


def test_a_source_is_a_file_a_dataset_or_the_sample() -> None:
    assert parse_row_source("psgs:a/b.tsv", PASSAGE_KINDS, "passages") == RowSource("psgs", Path("a/b.tsv"))
    assert parse_row_source("hf:u/n@v1", PASSAGE_KINDS, "passages") == RowSource("hf", HubName("u/n", None, "v1"))
    sample = parse_row_source("sample", QUESTION_READERS, "validation")
    assert isinstance(sample.place, Path)
    assert sample.place.is_file()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("squad:x", "'squad:x' has the unknown kind 'squad'; valid are flashrag:FILE"),
        ("psgs:x", "'psgs:x' has the unknown kind 'psgs'"),
        ("musique:", "'musique:' names neither a file nor a dataset"),
        ("hf:a//b", "expected hf:USER/NAME"),
    ],
)
def test_other_specifications_are_errors(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_row_source(spec, QUESTION_READERS, "train")


def test_the_docs_list_every_kind() -> None:
    for key, kinds in (("questions", QUESTION_READERS), ("passages", PASSAGE_KINDS)):
        row, *_ = (line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{key}` | |"))
        assert re.findall(r"`(\w+):FILE`", row) == list(kinds)

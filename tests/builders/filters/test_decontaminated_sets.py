"""Question sets held against benchmarks, with pages beside them and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import run
from nyxqa.builders.check.structure import check
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.manifest import read_manifest
from tests.support.benchmark import json_lines
from tests.support.published import table
from tests.support.sets import IMPORTS, TEXTS, lake, write_sets, write_text

FILTERS = '\n[filters]\ndecontaminate = ["bench.jsonl"]\n'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sets built as they are, then held against a question of train, the text of a positive and that of a negative."""
    folder = tmp_path_factory.mktemp("sets")
    write_sets(folder)
    run("all", recipe=write_text(folder / "clean.toml", TEXTS), out=folder / "clean", workers=1)
    texts = [{"id": "told", "text": told(lake(7))}, {"id": "wrong", "text": told(a_negative(folder / "clean"))}]
    asked = {"id": "asked", "question": "What COLOUR is the water of lake 3"}
    json_lines(folder / "bench.jsonl", [asked, *texts])
    run("all", recipe=write_text(folder / "held.toml", TEXTS + FILTERS), out=folder / "held", workers=1)
    return folder


def told(passage: str) -> str:
    return passage.partition("\n")[2]


def a_negative(out: Path) -> str:
    """The text of a passage that is negative and never positive."""
    triplets = table(out, "triplets")
    negatives = {name for row in triplets for name in row["negative_ids"]} - {row["positive_id"] for row in triplets}
    return next(str(row["text"]) for row in table(out, "corpus") if row["doc_id"] in negatives)


def by_query(out: Path) -> dict[str, dict[str, Any]]:
    return {row["query"]: row for row in table(out, "triplets")}


def test_a_question_and_a_triplet_whose_positive_is_in_the_benchmark_go(built: Path) -> None:
    before, after = by_query(built / "clean"), by_query(built / "held")
    gone = {f"What colour is the water of lake {number}?" for number in (3, 7)}
    assert before.keys() - after.keys() == gone
    positive = before["What colour is the water of lake 7?"]["positive_id"]
    ledger = [row for row in table(built / "held", "ledger") if row["reason"] == "contaminated"]
    assert [(row["stage"], row["split"], row["item_type"], row["item_id"], row["detail"]) for row in ledger] == [
        (
            "text.lakes",
            "train",
            "row",
            "train.json:3",
            "all 8 words of bench.jsonl asked: what colour is the water of ...",
        ),
        (
            "text.lakes",
            "train",
            "row",
            "train.json:7",
            f"positive {positive}: all 9 words of bench.jsonl told: the water of lake 7 is ...",
        ),
    ]


def test_negatives_stay_and_the_rest_is_as_it_was(built: Path) -> None:
    before, after = by_query(built / "clean"), by_query(built / "held")
    assert all(before[query] == row for query, row in after.items())
    assert a_negative(built / "held") == a_negative(built / "clean")


def test_the_account_holds_and_the_benchmark_is_counted(built: Path) -> None:
    manifest = read_manifest(built / "held")
    assert manifest.summary["benchmark"] == {"items": 3, "texts": 3, "images": 0, "unusable_images": 0}
    assert [(entry.name, entry.split) for entry in manifest.stages[:3]] == [
        ("passages.lakes", ""),
        ("text.lakes", "train"),
        ("text.lakes", "validation"),
    ]
    assert check(built / "held").failed == check(built / "clean").failed


def test_without_pages_and_sets_there_is_nothing_to_compare_with_a_benchmark(tmp_path: Path) -> None:
    recipe = write_text(tmp_path / "imports.toml", IMPORTS + FILTERS)
    with pytest.raises(UsageError, match=r"applies to \[web\], \[\[text\]\] and \[\[qa\]\], and the recipe has none"):
        run("train", recipe=recipe, out=tmp_path / "none")

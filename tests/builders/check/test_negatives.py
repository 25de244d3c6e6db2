"""Positives among negatives, negatives too near, ranks out of step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nyxqa.builders.check.structure import check
from nyxqa.schemas.manifest import read_manifest, write_manifest
from tests.support.restamp import Row, read, rewrite


def test_positive_among_negatives(dataset: Path) -> None:
    rewrite(dataset, "triplets", "test", lambda rows: rows[0]["negative_ids"].__setitem__(0, rows[0]["positive_id"]))
    assert check(dataset).failed == ("positive_among_negatives",)


def test_negative_of_the_positive_s_words_and_images(dataset: Path) -> None:
    negative = read(dataset, "triplets", "train")[0]["negative_ids"][0]
    positive = read(dataset, "triplets", "train")[0]["positive_id"]

    def change(rows: list[Row]) -> None:
        rows_by_id = {row["doc_id"]: row for row in rows}
        rows_by_id[negative].update(
            {name: rows_by_id[positive][name] for name in ("images", "image_ids", "image_phashes", "kind")}
            | {"text": rows_by_id[positive]["text"] + " ", "captions": rows_by_id[positive]["captions"]}
            | {"image_urls": rows_by_id[positive]["image_urls"]}
        )

    rewrite(dataset, "corpus", "web", change)
    result = check(dataset)
    assert "negative_equals_positive" in result.failed
    assert "positive_among_negatives" not in result.failed


def test_negative_of_the_same_page(dataset: Path) -> None:
    documents = read(dataset, "corpus", "web")
    pages: dict[str, list[str]] = {}
    for row in documents:
        pages.setdefault(row["page_id"], []).append(row["doc_id"])
    page_of = {row["doc_id"]: row["page_id"] for row in documents}

    def change(rows: list[Row]) -> None:
        row = next(row for row in rows if len(pages[page_of[row["positive_id"]]]) > 1)
        own = next(doc for doc in pages[page_of[row["positive_id"]]] if doc != row["positive_id"])
        row["negative_ids"][0] = own

    rewrite(dataset, "triplets", "test", change)
    assert check(dataset).failed == ("negative_of_own_page",)


def test_exclusion_that_was_not_asked_for(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    manifest.recipe["negatives"]["exclude"] = ["equal"]
    write_manifest(dataset, manifest)
    assert check(dataset).not_run == ("negative_of_own_page", "negative_of_own_cluster", "negative_holds_answer")


def test_negative_that_holds_the_answer(dataset: Path) -> None:
    row = read(dataset, "triplets", "train")[0]
    negative, told = row["negative_ids"][0], f"{row['query']} {row['answers'][0]}"

    def change(rows: list[Row]) -> None:
        document = next(one for one in rows if one["doc_id"] == negative)
        document["captions"] = [told, *document["captions"][1:]] if document["captions"] else []
        document["text"] += "" if document["captions"] else told

    rewrite(dataset, "corpus", "web", change)
    assert "negative_holds_answer" in check(dataset).failed


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row["negative_ranks"].reverse(),
        lambda row: row["negative_ranks"].__setitem__(0, 0),
        lambda row: row["negative_scores"].__setitem__(0, None),
        lambda row: row["positives"][0].update(rank=None),
        lambda row: row["negative_ids"].__setitem__(0, row["negative_ids"][1]),
    ],
    ids=["descending", "from 0", "rank without score", "score without rank", "twice"],
)
def test_ranks(dataset: Path, change: Callable[[Row], None]) -> None:
    rewrite(dataset, "triplets", "test", lambda rows: change(rows[0]))
    assert check(dataset).failed == ("ranks",)

"""Ids that are repeated or dangling, copies that disagree, rows out of order."""

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.check.structure import check
from nyxqa.schemas.content import PLACEHOLDER
from tests.support.restamp import Row, rewrite


def test_duplicate_question(dataset: Path) -> None:
    rewrite(dataset, "qa", "train", lambda rows: [rows[0], *rows])
    assert set(check(dataset).failed) == {"unique_ids", "stage_tables"}


def test_question_without_triplet(dataset: Path) -> None:
    rewrite(dataset, "triplets", "test", lambda rows: rows[1:])
    assert check(dataset).failed == ("qa_triplets",)


def test_triplet_that_differs_from_its_question(dataset: Path) -> None:
    rewrite(dataset, "triplets", "test", lambda rows: rows[0].update(answers=["xylophone"]))
    assert check(dataset).failed == ("qa_triplets",)


def test_question_of_another_content(dataset: Path) -> None:
    rewrite(
        dataset, "qa", "test", lambda rows: rows[0].update(question="Which?" + PLACEHOLDER * len(rows[0]["images"]))
    )
    assert set(check(dataset).failed) == {"qa_ids", "qa_triplets"}


def test_question_of_another_page(dataset: Path) -> None:
    rewrite(dataset, "qa", "test", lambda rows: rows[0].update(page_id="0" * 32))
    assert check(dataset).failed == ("qa_documents",)


@pytest.mark.parametrize(
    ("table", "split", "expected"),
    [("qa", "train", "row_order"), ("ledger", "rows", "ledger_order"), ("preview", "train", "row_order")],
)
def test_rows_out_of_order(dataset: Path, table: str, split: str, expected: str) -> None:
    rewrite(dataset, table, split, lambda rows: [*rows[1:], rows[0]])
    assert check(dataset).failed == (expected,)


def test_page_torn_apart(dataset: Path) -> None:
    def change(rows: list[Row]) -> list[Row]:
        index = next(i for i in range(len(rows)) if rows[i]["page_id"] == rows[i + 1]["page_id"])
        return [*rows[:index], *rows[index + 1 :], rows[index]]

    rewrite(dataset, "corpus", "web", change)
    assert check(dataset).failed == ("corpus_order",)


def test_dangling_negative(dataset: Path) -> None:
    rewrite(dataset, "triplets", "test", lambda rows: rows[0]["negative_ids"].__setitem__(0, "f" * 32))
    result = check(dataset)
    assert result.failed == ("dangling_documents",)
    assert f"no document {'f' * 32} in pool web" in result.text()


def test_dangling_positive(dataset: Path) -> None:
    rewrite(dataset, "triplets", "test", lambda rows: rows[0]["positives"][0].update(doc_id="f" * 32))
    assert set(check(dataset).failed) == {"dangling_documents", "positive_in_positives"}

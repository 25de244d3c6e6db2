"""What a plan knows of rows is read from stored columns, and agrees with reading the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nyxqa
from nyxqa.retriever.training.batches import Plan, plan_rows
from nyxqa.retriever.training.examples import read_example
from nyxqa.schemas.loading.document_lookup import DocumentLookup, DocumentReader


@pytest.mark.parametrize("table", ["triplets", "mixture"])
def test_rows_of_a_dataset_are_measured_without_reading_them(
    built_sample: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    rows: Any = nyxqa.load(table, built_sample, split="train", images="bytes")
    by_reading = plan_rows([read_example(row) for row in rows])

    def read(*_: Any) -> None:
        raise AssertionError("a document was read")

    monkeypatch.setattr(DocumentLookup, "find", read)
    monkeypatch.setattr(DocumentReader, "__call__", read)
    known = plan_rows(rows)
    assert known.keys.tolist() == by_reading.keys.tolist()
    assert known.dataset.tolist() == by_reading.dataset.tolist()
    assert np.abs(known.lengths - by_reading.lengths).max() <= 2  # rounded text by text
    assert known.lengths.std() > 50  # rows differ in length, by their images above all
    assert Plan(known, 16, 1).epoch(0) == Plan(by_reading, 16, 1).epoch(0)


def test_some_rows_in_another_order(built_sample: Path) -> None:
    rows: Any = nyxqa.load("triplets", built_sample, split="train", images="bytes")
    some = rows.select([5, 3, 150])
    whole, part = plan_rows(rows), plan_rows(some)
    assert part.keys.tolist() == whole.keys[[5, 3, 150]].tolist()
    assert part.lengths.tolist() == whole.lengths[[5, 3, 150]].tolist()

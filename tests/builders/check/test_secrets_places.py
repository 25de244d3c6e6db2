"""Secrets are looked for wherever a published table holds text, also inside lists and structures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.check.structure import look_for_secrets
from tests.support.tiny_dataset import TinyDataset, tiny_dataset

EMAIL = "anna.muster@contoso.com"
ANSWERED = {"document": {"prediction": EMAIL, "correct": True}}
Row = dict[str, Any]


def of_first(table: str, change: Callable[[Row], object]) -> Callable[[TinyDataset], object]:
    """Change the first train row of a table."""
    return lambda data: change(data.tables[table]["train"][0])


def judged(data: TinyDataset) -> None:
    """A judgement by somebody who signs with an address."""
    row = data.tables["triplets"]["validation"][0]
    place = {"start": 0, "end": 4}
    judgement = {"query_id": row["query_id"], "doc_id": row["positive_id"], "grade": 2, "by": EMAIL, "span": place}
    data.tables["qrels"] = {"validation": [judgement]}


@pytest.mark.parametrize(
    ("table", "plant"),
    [
        ("qa", of_first("qa", lambda row: row["choices"].append(f"ask {EMAIL}"))),
        ("qa", of_first("qa", lambda row: row.update(evidence={**row["evidence"], **ANSWERED}))),
        ("qa", of_first("qa", lambda row: row.update(nuggets=[{"text": EMAIL, "doc_id": "", "start": 0, "end": 1}]))),
        ("triplets", of_first("triplets", lambda row: row.update(instruction=f"Answer as {EMAIL} would"))),
        ("feedback", of_first("feedback", lambda row: row["candidates"][0].update(prediction=f"by {EMAIL}"))),
        ("feedback", of_first("feedback", lambda row: row["closed_book"].update(prediction=f"by {EMAIL}"))),
        ("qrels", judged),
    ],
)
def test_each_place_of_text_is_searched(table: str, plant: Callable[[TinyDataset], object], tmp_path: Path) -> None:
    data = tiny_dataset(full=True)
    data.write(tmp_path)
    assert look_for_secrets(tmp_path) is None
    plant(data)
    data.write(tmp_path)
    found = look_for_secrets(tmp_path)
    assert found is not None
    assert (found.status, found.count) == ("found", 1)
    assert f"{table} " in found.line()
    assert EMAIL not in found.line()

"""The threshold rule: range, what reaches it, and that a stricter rule needs no other module."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from nyxqa.builders.dedup.cross_split import pairs_across
from nyxqa.builders.dedup.deduplicate import deduplicate
from nyxqa.builders.dedup.threshold import Threshold, as_threshold
from nyxqa.builders.dedup.word_hashes import F64, I64
from nyxqa.schemas.errors import UsageError

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


@dataclass(frozen=True)
class StricterForShortTexts(Threshold):
    """Sets of fewer than 10 shingles must be equal."""

    @property
    def key(self) -> object:
        return ["stricter for short texts", self.value]

    def reached(self, similarity: F64, left: I64, right: I64) -> NDArray[np.bool_]:
        short = np.minimum(left, right) < 10
        return np.asarray(super().reached(similarity, left, right) & (~short | (similarity == 1)), np.bool_)


@pytest.mark.parametrize("value", [0, -0.1, 1.1])
def test_a_value_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="must be above 0 and at most 1"):
        as_threshold(value)


def test_another_rule_holds_for_both_searches() -> None:
    short = "red green blue white black grey"
    rows = {
        "doc_id": ["a", "b", "c", "d"],
        "text": [LONG, f"{LONG} more", short, f"{short} pink"],
        "split": ["train", "test", "train", "test"],
    }
    documents = pa.table(rows)
    with (
        deduplicate(documents, threshold=0.5) as plain,
        deduplicate(documents, threshold=StricterForShortTexts(0.5)) as strict,
    ):
        assert [(row["a"], row["b"]) for row in plain.pairs.to_pylist()] == [("a", "b"), ("c", "d")]
        assert [(row["a"], row["b"]) for row in strict.pairs.to_pylist()] == [("a", "b")]
    with pairs_across(documents, phashes=None, threshold=StricterForShortTexts(0.5)) as leaks:
        assert [(row["a"], row["b"]) for row in leaks.texts.to_pylist()] == [("a", "b")]

"""Counts of the negatives that hold the answer, over published tables."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.mining.held_answers import count_holdings
from nyxqa.builders.report.views import connect
from tests.support.restamp import read


def test_counts_of_the_sample(built_sample: Path) -> None:
    counts = count_holdings(connect(built_sample))["nyxqa"]
    assert set(counts) == {"train", "validation", "test"}
    train, rows = counts["train"], read(built_sample, "triplets", "train")
    assert (train.triplets, train.positives) == (len(rows), len(rows))
    assert train.negatives == sum(len(row["negative_ids"]) for row in rows)
    assert (train.hold, train.triplets_hold) == (0, 0)
    assert train.mention >= train.triplets_mention > 0
    assert train.positives_mention == train.positives
    assert train.auc is not None and 0.5 < train.auc < 1
    assert train.as_dict()["auc"] == train.auc

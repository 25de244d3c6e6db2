"""Ledger rows of feedback, and its numbers for manifest, card and report."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.feedback.labels import Labelling

Row = Mapping[str, Any]


@dataclass
class Tally:
    """Counts rows while they are iterated.

    :param seen: 64-bit hash of each prompt, by its question and documents.
    """

    labelling: Labelling
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    seen: array[int] = field(default_factory=lambda: array("Q"))
    drops: list[Drop] = field(default_factory=list)

    def labelled(self, answers: StepOutput) -> Iterator[dict[str, Any]]:
        """Rows of the questions that are kept; counts all questions and collects the drops."""
        for row in answers.rows():
            self._count(row)
            parent = row["known"][0]["doc_id"] if row["known"] else ""
            reason = self.labelling.reason(row)
            if reason is not None:
                self.reasons[reason[0]] += 1
                self.drops.append(Drop("question", row["query_id"], parent, *reason))
                continue
            self.drops += _failures(row, self._windows(row))
            self.counts["labelled"] += 1
            yield row

    def _count(self, row: Row) -> None:
        right = self.labelling.right
        self.counts["questions"] += 1
        if row["unasked"]:
            return
        windows = self._windows(row)
        self.counts["asked"] += 1 + len(windows)
        self.counts["saved"] += len(self.labelling.windows(row["found"])) - len(windows)
        self.counts["failed"] += sum(bool(one["reason"]) for one in (*windows, row["closed_book"]))
        self.counts["right_closed_book"] += bool(right(row["closed_book"]))
        self.counts["right_at_rank_1"] += bool(right(row["candidates"][0]))
        self.counts["right_with_any"] += any(map(right, row["candidates"]))
        for window in (range(0), *self.labelling.asked(row["candidates"])):
            text = " ".join([row["query_key"], *(row["candidates"][place]["doc_id"] for place in window)])
            self.seen.frombytes(hashlib.blake2b(text.encode(), digest_size=8).digest())

    def _windows(self, row: Row) -> list[Row]:
        """The first candidate of each window that the model saw."""
        return [row["candidates"][own.start] for own in self.labelling.asked(row["candidates"])]

    def label(self, row: Row) -> None:
        """Count the labels of a published row."""
        self.counts["positives"] += len(row["positive_ids"])
        self.counts["negatives"] += len(row["negative_ids"])
        self.counts["without_negatives"] += not row["negative_ids"]

    def numbers(self) -> dict[str, Any]:
        """All counts, as JSON types.

        ``asked`` counts prompts (one closed-book and one for each window), ``shared`` those equal to an earlier one,
        ``saved`` the windows that early stops left out, ``right_*`` questions.
        """
        names = (
            *("questions", "labelled", "positives", "negatives", "without_negatives", "asked", "saved", "failed"),
            *("right_closed_book", "right_at_rank_1", "right_with_any"),
        )
        counted = {name: self.counts[name] for name in names}
        return {
            **counted,
            "shared": counted["asked"] - len(np.unique(self.seen)),
            "dropped": dict(sorted(self.reasons.items())),
        }


def _failures(row: Row, windows: list[Row]) -> Iterator[Drop]:
    """Failed answers of a question that is kept."""
    answers = [("closed_book", row["closed_book"]), *((str(one["rank"]), one) for one in windows)]
    for name, one in answers:
        if one["reason"]:
            yield Drop("row", f"{row['query_id']}:{name}", row["query_id"], one["reason"], one["detail"])

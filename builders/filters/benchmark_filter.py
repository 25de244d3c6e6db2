"""The decontamination filter: rejects texts that share a run of words with a benchmark, and near-identical images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from nyxqa.builders.filters.base import Rejection, Verdicts
from nyxqa.builders.filters.benchmark_images import ImageMatches
from nyxqa.builders.filters.benchmark_overlap import BenchmarkTexts, ItemNames, describe

REASON = "contaminated"


@dataclass(frozen=True)
class BenchmarkFilter:
    """Rejects rows that overlap with a benchmark; picklable.

    :param texts: Output of step ``filter/benchmark``.
    :param images: Output of step ``filter/images``; None for questions, whose images are those of their documents.
    """

    texts: Path
    images: Path | None = None

    def documents(self, rows: pa.Table) -> Verdicts:
        """Verdicts on documents by their text, captions and images (columns ``text`` and ``images``)."""
        documents = rows.select(["text", "images"]).to_pylist()
        names = ItemNames(self.texts)
        texts = [[row["text"], *(image["caption"] for image in row["images"])] for row in documents]
        flat = [text for own in texts for text in own]
        runs = iter(BenchmarkTexts(self.texts).shared_runs(flat, [False] * len(flat)))
        matches = ImageMatches.read(self.images) if self.images is not None else ImageMatches({}, {})
        details: list[str | None] = []
        for row, own in zip(documents, texts, strict=True):
            shared = [run for run in (next(runs) for _ in own) if run is not None]
            details.append(describe(shared[0], names) if shared else matches.describe(row["images"], names))
        return _verdicts(details)

    def questions(self, rows: pa.Table) -> Verdicts:
        """Verdicts on questions about documents (columns ``question`` and ``images``)."""
        images = rows["images"].to_pylist()
        return self._compare(rows["question"].to_pylist(), [not attached for attached in images])

    def set_questions(self, rows: pa.Table) -> Verdicts:
        """Verdicts on questions of a set, which have no images (column ``text``)."""
        texts = rows["text"].to_pylist()
        return self._compare(texts, [True] * len(texts))

    def passages(self, texts: Sequence[str]) -> Verdicts:
        """Verdicts on passages, which have no images."""
        return self._compare(texts, [False] * len(texts))

    def _compare(self, texts: Sequence[str], match_short: Sequence[bool]) -> Verdicts:
        names = ItemNames(self.texts)
        runs = BenchmarkTexts(self.texts).shared_runs(texts, match_short)
        return _verdicts([None if run is None else describe(run, names) for run in runs])


def _verdicts(details: Sequence[str | None]) -> Verdicts:
    return [None if detail is None else Rejection(REASON, detail) for detail in details]

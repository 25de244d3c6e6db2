"""An index of benchmarks, as stages hold items against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.filters.benchmark_images import ImageMatches
from nyxqa.builders.filters.benchmark_overlap import BenchmarkTexts, ItemNames, describe

REASON = "contaminated"


@dataclass(frozen=True)
class Against:
    """What documents or questions are held against; picklable.

    :param texts: Output of step ``filter/benchmark``.
    :param images: Output of step ``filter/images``; none for questions, whose images are those of their documents.
    """

    texts: Path
    images: Path | None = None

    def documents(self, rows: Sequence[Mapping[str, Any]]) -> list[str | None]:
        """For each document (columns text and images) the overlap as the ledger tells it."""
        names, found = ItemNames(self.texts), list[str | None]()
        texts = [[row["text"], *(image["caption"] for image in row["images"])] for row in rows]
        flat = [text for own in texts for text in own]
        runs = iter(BenchmarkTexts(self.texts).shared(flat, [False] * len(flat)))
        matches = ImageMatches.read(self.images) if self.images is not None else ImageMatches({}, {})
        for row, own in zip(rows, texts, strict=True):
            shared = [run for run in (next(runs) for _ in own) if run is not None]
            found.append(describe(shared[0], names) if shared else matches.describe(row["images"], names))
        return found

    def questions(self, rows: Sequence[Mapping[str, Any]]) -> list[str | None]:
        """For each question (columns question and images) the overlap as the ledger tells it."""
        return self._told([row["question"] for row in rows], [not row["images"] for row in rows])

    def passages(self, texts: Sequence[str]) -> list[str | None]:
        """For each passage, which has no images, the overlap as the ledger tells it."""
        return self._told(texts, [False] * len(texts))

    def _told(self, texts: Sequence[str], whole: Sequence[bool]) -> list[str | None]:
        names = ItemNames(self.texts)
        runs = BenchmarkTexts(self.texts).shared(texts, whole)
        return [None if run is None else describe(run, names) for run in runs]

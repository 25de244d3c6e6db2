"""Decontamination as the stages use it: the benchmark read once, documents and questions held against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.filters.benchmark_files import benchmark_files
from nyxqa.builders.filters.benchmark_images import ImageMatches, write_image_matches
from nyxqa.builders.filters.benchmark_index import COUNTS, write_index
from nyxqa.builders.filters.benchmark_overlap import BenchmarkTexts, ItemNames, describe
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.files import read_json
from nyxqa.schemas.recipe import Recipe

VERSION = 1
_INDEX_VERSION = 2
REASON = "contaminated"


def benchmark(run: Run, recipe: Recipe) -> Parts | None:
    """Index the files of ``filters.decontaminate``; None if there are none.

    A file is known by its name, size and time; a file of images that its rows refer to is not looked at again.

    :raises UsageError: If a file is of no kind that is read, or the filters are off.
    :raises WorldError: If a file is missing, unreadable or empty.
    """
    if not recipe.filters.decontaminate:
        return None
    if not recipe.filters.enabled:
        raise UsageError("filters.decontaminate names files, but filters.enabled is false: set it to true")
    files = benchmark_files(recipe.filters.decontaminate)
    params = {"files": [file.identity() for file in files], "max_pixels": recipe.images.max_pixels}
    step = Step("filter/benchmark", _INDEX_VERSION, params)
    return run.whole(step, partial(write_index, files, recipe.images.max_pixels))


def benchmark_counts(indexed: Parts) -> dict[str, int]:
    """Items, texts and images of the benchmark, and how many of its images could not be used."""
    counts: dict[str, Any] = read_json(indexed.folder / COUNTS)
    return {name: counts[name] for name in ("items", "texts", "images", "unusable_images")}


def unusable_images(indexed: Parts) -> str:
    """A line on the benchmark's images that were not looked for; empty if there are none."""
    counts: dict[str, Any] = read_json(indexed.folder / COUNTS)
    if not counts["unusable_images"]:
        return ""
    return (
        f"filters.decontaminate: {counts['unusable_images']} images of the benchmark could not be used and were not "
        f"looked for, the first: {counts['first_unusable']}"
    )


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


def documents_against(run: Run, documents: Parts, indexed: Parts, distance: int) -> tuple[Against, tuple[str, ...]]:
    """What ``documents`` are held against, and the fingerprints that decide it.

    :param distance: Bits in which perceptual hashes of alike images may differ.
    """
    step = Step("filter/images", VERSION, {"distance": distance}, (documents.fingerprint, indexed.fingerprint))
    matches = run.whole(step, partial(write_image_matches, documents, indexed.folder, distance))
    return Against(indexed.folder, matches.folder), (indexed.fingerprint, matches.fingerprint)

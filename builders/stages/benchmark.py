"""Steps ``filter/benchmark`` and ``filter/images``: index benchmarks, and match documents' images with them."""

from __future__ import annotations

from functools import partial
from typing import Any

from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.filters.benchmark_files import benchmark_files
from nyxqa.builders.filters.benchmark_filter import BenchmarkFilter
from nyxqa.builders.filters.benchmark_images import write_image_matches
from nyxqa.builders.filters.benchmark_index import COUNTS, write_index
from nyxqa.builders.formatting import counted
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.files import read_json
from nyxqa.schemas.recipe import Filters

VERSION = 1
_INDEX_VERSION = 3


def benchmark(run: Run, settings: Filters, max_pixels: int) -> StepOutput | None:
    """The index of the files of ``filters.decontaminate``; None if it names no file.

    A file is identified by its name, size and modification time; image files that its rows refer to are not.

    :param max_pixels: Most pixels of an image of the benchmark (``images.max_pixels``).
    :raises UsageError: If a file has an unknown format, or the filters are disabled.
    :raises WorldError: If a file is missing, unreadable or empty.
    """
    if not settings.decontaminate:
        return None
    if not settings.enabled:
        raise UsageError("filters.decontaminate names files, but filters.enabled is false: set it to true")
    files = benchmark_files(settings.decontaminate)
    params = {"files": [file.identity() for file in files], "max_pixels": max_pixels}
    step = Step("filter/benchmark", _INDEX_VERSION, params)
    return run.run_once(step, partial(write_index, files, max_pixels))


def benchmark_counts(indexed: StepOutput) -> dict[str, int]:
    """Number of ``items``, ``texts``, ``images`` and ``unusable_images`` of an indexed benchmark."""
    counts: dict[str, Any] = read_json(indexed.folder / COUNTS)
    return {name: counts[name] for name in ("items", "texts", "images", "unusable_images")}


def unusable_images(indexed: StepOutput) -> str:
    """A message about the benchmark's images that could not be compared; "" if there are none."""
    counts: dict[str, Any] = read_json(indexed.folder / COUNTS)
    if not counts["unusable_images"]:
        return ""
    return (
        f"filters.decontaminate: {counted(counts['unusable_images'], 'image')} of the benchmark could not be read, so "
        f"documents were not compared with them; the first: {counts['first_unusable']}"
    )


def document_filter(
    run: Run, documents: StepOutput, indexed: StepOutput, distance: int
) -> tuple[BenchmarkFilter, tuple[str, ...]]:
    """The benchmark filter for ``documents``, and the fingerprints of its inputs.

    :param distance: Bits in which perceptual hashes of near-identical images may differ.
    """
    step = Step("filter/images", VERSION, {"distance": distance}, (documents.fingerprint, indexed.fingerprint))
    matches = run.run_once(step, partial(write_image_matches, documents, indexed.folder, distance))
    return BenchmarkFilter(indexed.folder, matches.folder), (indexed.fingerprint, matches.fingerprint)

"""Benchmark files and their index, as tests of decontamination need them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from nyxqa.builders.filters.benchmark_files import benchmark_files
from nyxqa.builders.filters.benchmark_index import write_index
from nyxqa.builders.filters.benchmark_overlap import BenchmarkTexts, ItemNames, describe


def json_lines(file: Path, rows: Iterable[Any]) -> Path:
    """Write rows as JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def indexed(folder: Path, *files: Path) -> Path:
    """The index of files."""
    folder.mkdir(parents=True)
    write_index(benchmark_files([str(file) for file in files]), 1_000_000, folder)
    return folder


def overlaps(index: Path, texts: list[str], whole: bool = False) -> list[str | None]:
    """What is said of each text."""
    runs = BenchmarkTexts(index).shared_runs(texts, [whole] * len(texts))
    return [None if run is None else describe(run, ItemNames(index)) for run in runs]


def recompressed(data: bytes, scale: float = 1.5) -> bytes:
    """The picture in another size, as JPEG."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    out = io.BytesIO()
    picture.resize((int(picture.width * scale), int(picture.height * scale))).save(out, "JPEG", quality=80)
    return out.getvalue()

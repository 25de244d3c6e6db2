"""Runs of the first stages over small sources, and the image files they meet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pyarrow.parquet as pq
from PIL import Image

from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.sources.factory import open_source
from nyxqa.builders.stages.images import images
from nyxqa.builders.stages.source import source
from nyxqa.schemas.recipe import Images, Web

T = TypeVar("T")
R = TypeVar("R")


class StoppingExecutor(LocalExecutor):
    """Works on ``shards`` shards in all and then stops, as a killed process does."""

    def __init__(self, shards: int) -> None:
        super().__init__(1)
        self._left = shards

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        for task in tasks:
            if not self._left:
                raise KeyboardInterrupt
            self._left -= 1
            yield function(task)


def make_run(work: Path, workers: int = 1) -> WorkingRun:
    """A run in this process, or with spawned workers."""
    return WorkingRun(work, LocalExecutor(workers), Progress())


def ingest(run: WorkingRun, web: Web, settings: Images | None = None) -> StepOutput:
    """Stages ``source`` and ``images``; returns the pages."""
    return ingest_with_packs(run, web, settings or Images())[0]


def ingest_with_packs(run: Run, web: Web, settings: Images) -> tuple[StepOutput, Path]:
    """Stages ``source`` and ``images``; returns the pages and the folder of their image packs."""
    opened = open_source(web)
    return images(run, source(run, opened, web), opened, settings, 0)


def source_pages(run: Run, web: Web) -> StepOutput:
    """Stage ``source``."""
    return source(run, open_source(web), web)


def drops(work: Path, **wanted: str) -> list[dict[str, Any]]:
    """Ledger rows of a run in the order of their ids, those with the given values."""
    rows = [row for file in work.glob("steps/*/*/ledger-*.parquet") for row in pq.read_table(file).to_pylist()]
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return sorted(found, key=lambda row: (row["stage"], row["item_type"], row["item_id"], row["reason"]))


def files_of(work: Path) -> dict[str, bytes]:
    """Every file of a run by its path, but the trace, which holds seconds."""
    files = (
        path for path in sorted(work.rglob("*")) if path.is_file() and path.name not in ("trace.json", "costs.json")
    )
    return {str(path.relative_to(work)): path.read_bytes() for path in files}


def shown(parts: Iterable[dict[str, Any]]) -> list[str]:
    """Parts as lines: text, or the reference or the place of an image in angle brackets."""
    lines = []
    for part in parts:
        image = part["image"]
        lines.append(part["text"] if image is None else f"<{image if isinstance(image, str) else image['url']}>")
    return lines


def write_jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """Rows as JSON lines; strings stand as they are."""
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def text_row(text: str, **columns: Any) -> dict[str, Any]:
    """An OBELICS-shaped row with one text."""
    return {"texts": [text], "images": [None], **columns}


def picture(seed: int = 0, size: tuple[int, int] = (48, 40), mode: str = "RGB") -> Image.Image:
    """A picture that differs with ``seed``, smooth enough to have a stable perceptual hash."""
    width, height = size
    drawn = Image.new("RGB", (6, 5))
    drawn.putdata([((37 * i + 91 * seed) % 256, (i * i * 7 + 13 * seed) % 256, (83 * i) % 256) for i in range(30)])
    return drawn.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    """The picture in a file, loaded."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image

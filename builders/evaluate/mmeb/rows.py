"""Tasks of MMEB-eval read from their files, each distinct candidate once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.importers.images import ImageFolder, ImageRef, image_bytes
from nyxqa.builders.question_sets.importers.repair import BadCellError, Repairs, Side
from nyxqa.builders.row_files.compression import uncompressed_name
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.errors import FormatError, WorldError

_SUFFIXES = (".parquet", ".jsonl", ".json")
_QUERY, _TARGETS = ("qry_img_path", "qry_image_path"), ("tgt_img_path", "tgt_image_path")
_MAX_BYTES = 20_000_000

# The 36 tasks by meta-task, as MMEB's authors group them.
META_TASKS: Mapping[str, tuple[str, ...]] = {
    "classification": (
        *("ImageNet-1K", "N24News", "HatefulMemes", "VOC2007", "SUN397", "Place365", "ImageNet-A", "ImageNet-R"),
        *("ObjectNet", "Country211"),
    ),
    "vqa": (
        *("OK-VQA", "A-OKVQA", "DocVQA", "InfographicsVQA", "ChartQA", "Visual7W", "ScienceQA", "VizWiz", "GQA"),
        "TextVQA",
    ),
    "retrieval": (
        *("VisDial", "CIRR", "VisualNews_t2i", "VisualNews_i2t", "MSCOCO_t2i", "MSCOCO_i2t", "NIGHTS", "WebQA"),
        *("FashionIQ", "Wiki-SS-NQ", "OVEN", "EDIS"),
    ),
    "grounding": ("MSCOCO", "RefCOCO", "RefCOCO-Matching", "Visual7W-Pointing"),
}
OTHER = "other"


def meta_task(task: str) -> str:
    """The group of a task; ``other`` for a task that is not one of the 36."""
    return next((meta for meta, tasks in META_TASKS.items() if task in tasks), OTHER)


@dataclass
class Task:
    """One task.

    :param queries: Its queries, by row.
    :param targets: For each query the numbers of its candidates, the right one first.
    :param candidates: Every distinct candidate.
    :param left_out: Rows and candidates that could not be read, by reason.
    """

    name: str
    queries: list[Side] = field(default_factory=list)
    targets: list[list[int]] = field(default_factory=list)
    candidates: list[Side] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, Any]:
        """Rows and candidates, and what was left out, as JSON types."""
        left_out = dict(sorted(self.left_out.items()))
        return {"rows": len(self.queries), "candidates": len(self.candidates), "left_out": left_out}

    def entries(self, sides: Sequence[Side], images: bool) -> Iterator[SearchEntry]:
        """Queries or candidates as an encoder reads them, by their number.

        :param images: Whether to read the bytes of their images.
        """
        for number, side in enumerate(sides):
            data = tuple(image_bytes(one, _MAX_BYTES) for one in side.images) if images else ()
            yield SearchEntry(f"{number:09d}", side.text, tuple("" for _ in side.images), data)


def task_files(root: Path) -> dict[str, list[Path]]:
    """Files of rows by task: the name of their folder, or of the file where it lies in ``root`` itself.

    :raises WorldError: If there is none.
    """
    if not root.is_dir():
        raise WorldError(f"mmeb_eval:{root} is not a folder; it holds a folder of rows for each task, and the images")
    found: dict[str, list[Path]] = {}
    for file in sorted(root.rglob("*")):
        name = uncompressed_name(file.name)
        inside = file.relative_to(root).parts
        hidden = any(part.startswith(".") or part in ("evaluation", "images") for part in inside)
        if name.endswith(_SUFFIXES) and file.is_file() and not hidden:
            task = inside[0] if len(inside) > 1 else name.rpartition(".")[0]
            found.setdefault(task, []).append(file)
    if not found:
        raise WorldError(f"mmeb_eval:{root} holds no rows: a folder for each task with Parquet files or JSON lines")
    return found


def read_task(name: str, files: Sequence[Path], images: ImageFolder, limit: int | None = None) -> Task:
    """The rows of a task.

    A row whose query or right candidate cannot be read is left out, and so is another candidate; all are counted.

    :param limit: Most rows, first by keyed hash.
    :raises FormatError: If a needed column is missing, or no row is left.
    """
    task, known = Task(name), dict[Any, int]()
    rows = [row for file in files for row in file_rows(file)]
    whole = [row for row in rows if isinstance(row, Row)]
    task.left_out.update(row.reason for row in rows if isinstance(row, Drop))
    if limit is not None:
        whole = sorted(whole, key=lambda row: keyed_hash(0, f"mmeb/{name}", row.name))[:limit]
        whole.sort(key=lambda row: (row.source, row.number))
    for row in whole:
        _add(task, row, Repairs(row, images), known)
    if not task.queries:
        raise FormatError(f"task {name}: none of {len(rows)} rows can be read: {dict(task.left_out)}")
    return task


def _add(task: Task, row: Row, repairs: Repairs, known: dict[Any, int]) -> None:
    texts = repairs.items("tgt_text", row.need("tgt_text"))
    column = next((name for name in _TARGETS if name in row.values), _TARGETS[0])
    paths = repairs.items(column, row.values.get(column))
    if paths and texts and len(paths) != len(texts):
        task.left_out["misaligned"] += 1
        return
    count = max(len(texts), len(paths))
    pairs = list(zip(texts or [""] * count, paths or [""] * count, strict=True))
    query_column = next((name for name in _QUERY if name in row.values), _QUERY[0])
    try:
        query = repairs.side("qry_text", row.need("qry_text"), query_column, row.values.get(query_column))
        right = repairs.side("tgt_text", *pairs[0][:1], column, pairs[0][1]) if pairs else None
    except BadCellError as error:
        task.left_out[error.reason] += 1
        return
    if right is None:
        task.left_out["no_candidate"] += 1
        return
    numbers = [_number(task, right, known)]
    for text, path in pairs[1:]:
        try:
            numbers.append(_number(task, repairs.side("tgt_text", text, column, path), known))
        except BadCellError as error:
            task.left_out[f"candidate {error.reason}"] += 1
    task.queries.append(query)
    task.targets.append(list(dict.fromkeys(numbers)))


def _number(task: Task, side: Side, known: dict[Any, int]) -> int:
    """The number of a candidate; equal ones have the same."""
    key = (side.text, tuple(map(_image_key, side.images)))
    if key not in known:
        known[key] = len(task.candidates)
        task.candidates.append(side)
    return known[key]


def _image_key(image: ImageRef) -> Any:
    return (image.path, image.data)

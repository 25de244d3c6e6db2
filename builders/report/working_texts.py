"""Texts of items that were dropped, out of the working rows that a build keeps in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.trace import TracedStep, read_trace
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.manifest import WORK

_PICTURE = "\u25a3"  # stands for an image
TEXTS = ("title", "text", "question", "query", "answer")
# Columns that name the item of a row; the first pair of which a row has one is its own, others name what it is part of.
_NAMES = (("qa_id", "draft"), ("place", "doc_id"), ("name", "query_id"), ("page_id", "row"))
_PARTS = "parts"  # of a page: text and images in reading order


def working_texts(steps: Sequence[TracedStep], work: Path, wanted: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Texts of the ``wanted`` items by their id, as they stood last; nothing of an item whose rows are gone.

    Of a part file without them only the columns of ids are read, and one part file at a time is in memory.

    :param steps: Finished steps, in order.
    :param work: The work folder.
    :param wanted: Type of each item by its id: a part of an item may be named as another item is.
    """
    left, found = dict(wanted), dict[str, dict[str, str]]()
    for step in reversed(steps):
        ids = {name for name, item_type in left.items() if item_type == step.unit_out}
        if step.counts is None or not ids:
            continue
        for file in sorted(step.folder(work).glob("part-*.parquet")):
            texts = _texts(file, ids)
            found |= texts
            ids -= texts.keys()
            if not ids:
                break
        left = {name: item_type for name, item_type in left.items() if name not in found}
    return found


def _texts(file: Path, wanted: set[str]) -> dict[str, dict[str, str]]:
    schema = pq.read_schema(file)
    names = next((own for pair in _NAMES if (own := [name for name in pair if name in schema.names])), [])
    shown = [name for name in (*TEXTS, _PARTS) if name in schema.names]
    if not names or not shown:
        return {}
    ids = pq.read_table(file, columns=names)
    sought = pa.array(sorted(wanted), pa.string())
    hits = reduce(pc.or_, (pc.is_in(ids[name], sought) for name in names))
    if not pc.any(hits).as_py():
        return {}
    rows = pq.read_table(file, columns=[*names, *shown]).filter(hits).to_pylist()
    return {row[name]: _own_texts(row) for row in rows for name in names if row[name] in wanted}


def _own_texts(row: dict[str, Any]) -> dict[str, str]:
    texts = {name: row[name] for name in TEXTS if isinstance(row.get(name), str) and row[name]}
    if _PARTS in row:
        texts["text"] = " ".join(part["text"] for part in row[_PARTS] if part["text"])
    return texts


def one_line(texts: Mapping[str, str]) -> str:
    """What an item says, in one line: the question and its answer, or title and text."""
    said = (texts[name].replace(PLACEHOLDER, _PICTURE) for name in TEXTS if name in texts)
    return ": ".join(" ".join(text.split()) for text in said)


def texts_of(out: Path, item_id: str, item_type: str) -> dict[str, str]:
    """Texts of one item that was dropped in the build of ``out``, as far as its working rows are still there."""
    work = out / WORK
    return working_texts(read_trace(work)[0], work, {item_id: item_type}).get(item_id, {})

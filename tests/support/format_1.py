"""A dataset of format 1, built by version 0.1.0 from three pages, and what it is read as."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

STORED = Path(__file__).parent / "format_1"
# What format 2 adds to a row of format 1, by table.
ADDED: dict[str, dict[str, Any]] = {
    "corpus": {"start": 0, "end": 0, "locator": ""},
    "qa": {"dataset": "nyxqa", "pool": "web", "reviews": 0, "type": "", "nuggets": [], "answerable": True},
    "triplets": {"reviews": 0, "row_hash": "", "needs": "any"},
}


def copy_of_format_1(folder: Path) -> Path:
    """A copy in ``folder``, to be written into."""
    return Path(shutil.copytree(STORED, folder))


def rows_of_format_1(table: str, split: str) -> list[dict[str, Any]]:
    """The stored rows with what format 2 adds to them."""
    (file,) = (STORED / "data" / table).glob(f"{split}-*.parquet")
    return [_completed(table, row) for row in pq.read_table(file).to_pylist()]


def _completed(table: str, row: dict[str, Any]) -> dict[str, Any]:
    if table == "preview":
        return _flat(row)
    whole = {**row, **ADDED.get(table, {})}
    if table == "corpus":
        whole["caption_origins"] = [""] * len(row["captions"])
    return whole


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat = {name: row[name] for name in ("query_id", "dataset", "answers", "positive_id")}
    flat |= {"query": row["query"]["text"], "query_images": row["query"]["images"]}
    flat |= {"positive": row["positive"]["text"], "positive_images": row["positive"]["images"]}
    for number in range(3):
        there = number < len(row["negative_ids"])
        side = row["negatives"][number] if there else {"text": "", "images": []}
        name = f"negative_{number + 1}"
        flat |= {f"{name}_id": row["negative_ids"][number] if there else "", name: side["text"]}
        flat |= {f"{name}_images": side["images"], f"{name}_score": row["negative_scores"][number] if there else None}
    return flat

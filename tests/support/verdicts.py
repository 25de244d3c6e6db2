"""Verdicts written as the review app writes them, or by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


def line(row: Row, verdict: str, split: str = "train", **more: Any) -> str:
    """One line about a row of table ``triplets``."""
    own = {"query_id": row["query_id"], "dataset": row["dataset"], "split": split, "verdict": verdict}
    rest = {"reasons": [], "relevant": [], "note": "", "seen": row["row_hash"], "at": "2026-01-01T00:00:00+00:00"}
    return json.dumps({**own, **rest, **more}) + "\n"


def write_verdicts(out: Path, reviewer: str, *lines: str) -> Path:
    """Write the lines into the reviewer's file, replacing it."""
    file = out / "review" / f"{reviewer}.jsonl"
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(lines), encoding="utf-8")
    return file

"""Reading what a build published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from nyxqa.schemas.manifest import read_manifest


def table(out: Path, name: str, *splits: str) -> list[dict[str, Any]]:
    """Rows of some splits of a table, or of all."""
    manifest = read_manifest(out)
    files = [file for split in splits or manifest.splits(name) for file in manifest.paths(name, split)]
    return [row for file in files for row in pq.read_table(out / file).to_pylist()]

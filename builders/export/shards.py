"""Export for streaming: self-contained rows, shuffled once by a keyed hash, in files that workers can divide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nyxqa.builders.export.dataset import LeftOut, Row, Source
from nyxqa.builders.export.files import write_readme
from nyxqa.schemas.tables import JOINED
from nyxqa.schemas.writing import write_split

SHARDS = replace(JOINED, name="shards")
# Smaller than published files, so that every node and worker of a training run gets some.
SHARD_BYTES = 100_000_000
_HOW = """```python
from datasets import load_dataset

rows = load_dataset("FOLDER", split="SPLIT", streaming=True)  # query, positive, negatives: {"text", "images"}
```

Rows were shuffled once by a keyed hash, so a small shuffle buffer is enough."""


def write_shards(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``data/shards/SPLIT-*.parquet``."""
    patterns = {}
    for split in source.splits:
        written = write_split(SHARDS, split, _rows(source, split), folder, SHARD_BYTES)
        if written:
            patterns[split] = f"data/shards/{split}-*.parquet"
    write_readme(folder, "streaming", {"default": patterns}, _HOW.replace("SPLIT", source.splits[0]), left_out)


def _rows(source: Source, split: str) -> Iterator[Row]:
    for row in source.triplets(split, shuffled=True):
        sides = {name: _stored(row[name]) for name in ("query", "positive")}
        yield {**row, **sides, "negatives": [_stored(side) for side in row["negatives"]]}


def _stored(side: Row) -> Row:
    return {"text": side["text"], "images": [{"bytes": image, "path": None} for image in side["images"]]}

"""Export for sentence-transformers: columns ``anchor``, ``positive``, ``negative_1`` to ``negative_N``.

Its datasets are rectangular, so every row has equally many negatives and all sides are of one kind: strings where no
row has an image, chat messages otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from nyxqa.builders.export.dataset import Row, Source, note_further_positives
from nyxqa.builders.export.equal_rows import EqualNegatives, Shape, shape_of
from nyxqa.builders.export.files import ParquetPart, data_uri
from nyxqa.builders.export.readme import LeftOut, write_readme
from nyxqa.schemas.content import Content

_HOW = """```python
from datasets import load_dataset

SNIPPET
```

NOTE Messages have their images as data URIs at their places in the text. Rows that took the negatives of another row
are listed below as `no_negatives`."""

# All parts of a message have the same fields, so that every version of datasets reads them. An image is in "url": chat
# templates take any part that has a field "image" for an image.
_PART = pa.struct([("type", pa.string()), ("text", pa.string()), ("url", pa.string())])
_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.list_(_PART))]))


def write_sentence_transformers(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``SPLIT.parquet``."""
    shape = shape_of(source)
    names = ["anchor", "positive", *(f"negative_{n}" for n in range(1, shape.negatives + 1))]
    schema = pa.schema([(name, _MESSAGES if shape.has_images else pa.string()) for name in names])
    equal = EqualNegatives(source, shape)
    files = {}
    for split in source.splits:
        with ParquetPart(folder / f"{split}.parquet", schema) as part:
            for row in source.triplets(split):
                note_further_positives(row, split, left_out)
                if row["instruction"]:
                    left_out.add(split, "query", row["query_id"], "no_column_for_instruction", row["instruction"])
                sides = _sides(split, row, equal, shape, left_out)
                if sides:
                    part.add(dict(zip(names, sides, strict=True)))
        if part.rows:
            files[split] = f"{split}.parquet"
    source.notes.append(shape.note())
    write_readme(folder, "sentence-transformers", {"default": files}, _how(list(files), shape), left_out)


def _how(splits: Sequence[str], shape: Shape) -> str:
    lines = [f'{split} = load_dataset("FOLDER", split="{split}")' for split in splits]
    return _HOW.replace("SNIPPET", "\n".join(lines)).replace("NOTE", shape.note())


def _sides(split: str, row: Row, equal: EqualNegatives, shape: Shape, left_out: LeftOut) -> list[Any]:
    """Query, positive and negatives as the columns have them; empty for a row without any usable negative."""
    negatives, donor = equal.negatives(row)
    if donor:
        taken = f"with the negatives of query {donor}" if negatives else "not written: no negative to fill it up with"
        left_out.add(split, "query", row["query_id"], "no_negatives", taken)
    if len(negatives) < shape.negatives:
        return []
    sides = [row["query"], row["positive"], *negatives]
    return [messages(side) if shape.has_images else side["text"] for side in sides]


def messages(side: Row) -> list[dict[str, Any]]:
    """One side as a conversation of one message, with images at the places of their placeholders."""
    parts = [_part(part) for part in Content(side["text"], tuple(side["images"])).parts()]
    return [{"role": "user", "content": parts or [_part("")]}]


def _part(part: str | bytes) -> dict[str, str | None]:
    if isinstance(part, str):
        return {"type": "text", "text": part, "url": None}
    return {"type": "image", "text": "", "url": data_uri(part)}

"""Export for sentence-transformers: columns ``anchor``, ``positive``, ``negative_1`` to ``negative_N``.

Its datasets are rectangular, so rows are grouped into configs by their number of negatives N: ``text-N`` where every
side is text, ``chat-N`` where some side has images and all sides are chat messages. A trainer takes several configs as
a dictionary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from nyxqa.builders.export.dataset import Row, Source
from nyxqa.builders.export.files import ParquetPart, data_uri
from nyxqa.builders.export.readme import LeftOut, write_readme
from nyxqa.schemas.content import Content

_HOW = """```python
from datasets import load_dataset

SNIPPET
```

A trainer takes such a dictionary for each split.
Configs `text-N` hold strings, `chat-N` chat messages with images as data URIs at their places in the text; N is the
number of negatives of each row. A config has the splits in which such rows occur: SPLITS."""

_TEXT, _CHAT = "text", "chat"
# All parts of a message have the same fields, so that every version of datasets reads them. An image is in "url": chat
# templates take any part that has a field "image" for an image.
_PART = pa.struct([("type", pa.string()), ("text", pa.string()), ("url", pa.string())])
_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.list_(_PART))]))


def write_sentence_transformers(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write one Parquet file for each config and split."""
    parts: dict[tuple[str, str], ParquetPart] = {}
    with ExitStack() as open_parts:
        for split in source.splits:
            for row in source.triplets(split):
                name, columns = _columns(row)
                if (name, split) not in parts:
                    path = folder / name / f"{split}.parquet"
                    part = ParquetPart(path, _schema(name, list(columns)))
                    parts[name, split] = open_parts.enter_context(part)
                parts[name, split].add(columns)
                if row["instruction"]:
                    left_out.add(split, "query", row["query_id"], "no_column_for_instruction", row["instruction"])
    rows = Counter[str]()
    for (name, _), part in parts.items():
        rows[name] += part.rows
    # The config with most rows comes first, which makes it the default.
    names = sorted(rows, key=lambda name: (-rows[name], name.split("-")[0], int(name.split("-")[1])))
    files = {
        name: {split: f"{name}/{split}.parquet" for split in source.splits if (name, split) in parts} for name in names
    }
    write_readme(folder, "sentence-transformers", files, _how(files, source.splits), left_out)


def _how(files: Mapping[str, Mapping[str, str]], splits: Sequence[str]) -> str:
    """How the export is read: a dictionary for each split, with the configs that have rows of it."""
    listed = "; ".join(f"`{name}` {', '.join(own)}" for name, own in files.items())
    lines = []
    for split in splits:
        own = repr([name for name, of in files.items() if split in of])
        lines.append(f'{split} = {{name: load_dataset("FOLDER", name, split="{split}") for name in {own}}}')
    return _HOW.replace("SPLITS", listed).replace("SNIPPET", "\n".join(lines))


def _columns(row: Row) -> tuple[str, dict[str, Any]]:
    sides = [row["query"], row["positive"], *row["negatives"]]
    names = ["anchor", "positive", *(f"negative_{n}" for n in range(1, len(row["negatives"]) + 1))]
    if any(side["images"] for side in sides):
        return f"{_CHAT}-{len(row['negatives'])}", dict(zip(names, map(messages, sides), strict=True))
    return f"{_TEXT}-{len(row['negatives'])}", dict(zip(names, (side["text"] for side in sides), strict=True))


def messages(side: Row) -> list[dict[str, Any]]:
    """One side as a conversation of one message, with images at the places of their placeholders."""
    parts = [_part(part) for part in Content(side["text"], tuple(side["images"])).parts()]
    return [{"role": "user", "content": parts or [_part("")]}]


def _part(part: str | bytes) -> dict[str, str | None]:
    if isinstance(part, str):
        return {"type": "text", "text": part, "url": None}
    return {"type": "image", "text": "", "url": data_uri(part)}


def _schema(name: str, columns: list[str]) -> pa.Schema:
    return pa.schema([(column, pa.string() if name.startswith(_TEXT) else _MESSAGES) for column in columns])

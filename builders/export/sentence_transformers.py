"""Export for sentence-transformers: columns ``anchor``, ``positive``, ``negative_1`` to ``negative_N``.

Its datasets are rectangular, so rows are grouped into configs by their number of negatives N: ``text-N`` where every
side is text, ``chat-N`` where some side has images and all sides are chat messages. A trainer takes several configs as
a dictionary.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from nyxqa.builders.export.dataset import Row, Source
from nyxqa.builders.export.files import ParquetPart, data_uri
from nyxqa.builders.export.readme import LeftOut, write_readme
from nyxqa.schemas.content import Content

_HOW = """```python
from datasets import load_dataset

train = {name: load_dataset("FOLDER", name, split="train") for name in CONFIGS}  # a trainer's train_dataset
```

Configs `text-N` hold strings, `chat-N` chat messages (images as data URIs, at their places in the text; datasets
4.7 or newer reads them); N is the number of negatives of each row."""


def write_sentence_transformers(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write one Parquet file for each config and split."""
    parts: dict[tuple[str, str], ParquetPart] = {}
    with ExitStack() as open_parts:
        for split in source.splits:
            for row in source.triplets(split):
                name, columns = _columns(row)
                if (name, split) not in parts:
                    path = folder / name / f"{split}.parquet"
                    part = ParquetPart(path, _features(name, list(columns)))
                    parts[name, split] = open_parts.enter_context(part)
                parts[name, split].add(columns)
                if row["instruction"]:
                    left_out.add(split, "query", row["query_id"], "no_column_for_instruction", row["instruction"])
    names = sorted({name for name, _ in parts}, key=lambda name: (name.split("-")[0], int(name.split("-")[1])))
    files = {
        name: {split: f"{name}/{split}.parquet" for split in source.splits if (name, split) in parts} for name in names
    }
    write_readme(folder, "sentence-transformers", files, _HOW.replace("CONFIGS", repr(names)), left_out)


def _columns(row: Row) -> tuple[str, dict[str, Any]]:
    sides = [row["query"], row["positive"], *row["negatives"]]
    names = ["anchor", "positive", *(f"negative_{n}" for n in range(1, len(row["negatives"]) + 1))]
    if any(side["images"] for side in sides):
        values = [json.dumps(messages(side), ensure_ascii=False) for side in sides]
        return f"chat-{len(row['negatives'])}", dict(zip(names, values, strict=True))
    return f"text-{len(row['negatives'])}", dict(zip(names, (side["text"] for side in sides), strict=True))


def messages(side: Row) -> list[dict[str, Any]]:
    """One side as a conversation of one message, with images at the places of their placeholders."""
    parts: list[dict[str, str]] = []
    for part in Content(side["text"], tuple(side["images"])).parts():
        block = {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": data_uri(part)}
        parts.append(block)
    return [{"role": "user", "content": parts or [{"type": "text", "text": ""}]}]


def _features(name: str, columns: list[str]) -> Any:
    from datasets import Features, Value
    from datasets.features import Json

    return Features({column: Value("string") if name.startswith("text") else Json() for column in columns})

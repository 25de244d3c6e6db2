"""Export for mmE5: the six columns of MMEB, with the negatives of a row as Python literals."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from nyxqa.builders.export.dataset import LeftOut, Row, Source, note_further_positives
from nyxqa.builders.export.files import REASON, ImageFiles, ParquetPart, one_image, write_readme

_TOKEN = "<|image_1|>"  # noqa: S105 (the mark of an image in a text)
_COLUMNS = ("qry", "qry_image_path", "pos_text", "pos_image_path", "neg_text", "neg_image_path", "query_id")
_SCHEMA = pa.schema([(name, pa.string()) for name in (*_COLUMNS, "instruction")])
_HOW = """```python
import ast
from datasets import load_dataset

rows = load_dataset("FOLDER", split="SPLIT")
negatives = ast.literal_eval(rows[0]["neg_text"])  # as mmE5's loader does
```

One row a query, as in mmE5-MMEB-hardneg; paths are relative to FOLDER. A side has one image at most. Its trainer stops
at a row without negatives, so such rows of split train are in a config of their own, `without_negatives`."""
_WITHOUT_NEGATIVES = "without_negatives"


def write_mme5(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``SPLIT.parquet``, ``without_negatives/train.parquet`` and ``images/``."""
    images = ImageFiles(folder)
    configs: dict[str, dict[str, str]] = {"default": {}}
    for split in source.splits:
        parts: dict[str, ParquetPart] = {}
        with ExitStack() as open_parts:
            for row in source.triplets(split):
                bare = split == "train" and not row["negative_ids"]
                path = f"{_WITHOUT_NEGATIVES}/{split}.parquet" if bare else f"{split}.parquet"
                if path not in parts:
                    configs.setdefault(_WITHOUT_NEGATIVES if bare else "default", {})[split] = path
                    parts[path] = open_parts.enter_context(ParquetPart(folder / path, _SCHEMA))
                parts[path].add(_columns(row, images, partial(left_out.add, split)))
                note_further_positives(row, split, left_out)
                if bare:
                    left_out.add(split, "query", row["query_id"], "no_negatives", f"in config {_WITHOUT_NEGATIVES}")
    configs = {name: files for name, files in configs.items() if files}
    write_readme(folder, "mmE5", configs, _HOW.replace("SPLIT", source.splits[0]), left_out)


def _columns(row: Row, files: ImageFiles, note: Any) -> dict[str, Any]:
    query = _side(row["query"], files, partial(note, "query", row["query_id"], REASON))
    positive = _side(row["positive"], files, partial(note, "document", row["positive_id"], REASON))
    named = zip(row["negative_ids"], row["negatives"], strict=True)
    negatives = [_side(side, files, partial(note, "document", one, REASON)) for one, side in named]
    return {
        "qry": query[0],
        "qry_image_path": query[1],
        "pos_text": positive[0],
        "pos_image_path": positive[1],
        "neg_text": repr([text for text, _ in negatives]),
        "neg_image_path": repr([path for _, path in negatives]),
        "query_id": row["query_id"],
        "instruction": row["instruction"],
    }


def _side(side: Row, files: ImageFiles, note: Any) -> tuple[str, str]:
    one = one_image(side, note)
    if one.image is None:
        return one.text, ""
    return f"{_TOKEN}\n{one.text}", files.path(one.image)

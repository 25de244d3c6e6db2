"""Export for VLM2Vec: the six columns of MMEB, one row for each query or negative, images as files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa

from nyxqa.builders.export.dataset import LeftOut, Row, Source, note_further_positives
from nyxqa.builders.export.files import REASON, ImageFiles, ParquetPart, one_image, write_readme

_IMAGE_PREFIX = "<|image_1|>\n"
_COLUMNS = ("qry", "qry_image_path", "pos_text", "pos_image_path", "neg_text", "neg_image_path")
_FURTHER = ("qry_further_images", "pos_further_images", "neg_further_images")
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in (*_COLUMNS, "query_id", "instruction", "negative_id")]
    + [(name, pa.list_(pa.string())) for name in _FURTHER]
)
_HOW = """```python
from datasets import load_dataset

rows = load_dataset("FOLDER", split="SPLIT")
```

Columns as in MMEB-train: `subset_name` is `default`, `dataset_split` is a split of this dataset, and paths are relative
to FOLDER, so pass it as the image folder. ROWS The columns `*_further_images`, `query_id`, `instruction` and
`negative_id` are added by nyxqa."""
_BY_QUERY = """A query takes one row, with its best ranked negative, or an empty one if it has none:
VLM2Vec takes the rows of a batch as each other's negatives and does not shuffle them, so a query must not occur in a
batch twice. With `--expand-negatives` the export has a row for each negative."""
_BY_NEGATIVE = """A query with N negatives takes N rows: the file holds every query with its first negative, then those
that have a second one, and so on. VLM2Vec takes the rows of a batch as each other's negatives, so keep the rows in
this order and a batch smaller than a round."""
_MORE = "further_negatives"


def write_vlm2vec(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``SPLIT.parquet`` and ``images/``."""
    files = ImageFiles(folder)
    for split in source.splits:
        note = partial(left_out.add, split)
        with ParquetPart(folder / f"{split}.parquet", _SCHEMA) as part:
            for row in source.triplets(split):
                part.add(_columns(row, 0, files, note))
                note_further_positives(row, split, left_out)
                more = len(row["negatives"]) - 1
                if more > 0 and not source.expand_negatives:
                    note("query", row["query_id"], _MORE, f"{more} negatives after the first")
            for columns in _further_rounds(source, split, files, note) if source.expand_negatives else ():
                part.add(columns)
    splits = {split: f"{split}.parquet" for split in source.splits}
    how = _HOW.replace("ROWS", _BY_NEGATIVE if source.expand_negatives else _BY_QUERY)
    write_readme(folder, "VLM2Vec", {"default": splits}, how.replace("SPLIT", source.splits[0]), left_out)


def _further_rounds(source: Source, split: str, files: ImageFiles, note: Any) -> Iterator[dict[str, Any]]:
    """Rows of the second negatives of all queries, then of the third ones, until there are none."""
    for place in count(1):
        found = False
        for row in source.triplets(split):
            if place < len(row["negatives"]):
                found = True
                yield _columns(row, place, files, note)
        if not found:
            return


def _columns(row: Row, place: int, files: ImageFiles, note: Any) -> dict[str, Any]:
    """The query with its negative at ``place``; what was left out of query and positive is noted at the first."""
    first = note if place == 0 else _ignore
    query = _side("qry", "qry", row["query"], files, partial(first, "query", row["query_id"], REASON))
    positive = _side("pos", "pos_text", row["positive"], files, partial(first, "document", row["positive_id"], REASON))
    negative: dict[str, Any] = {"neg_text": "", "neg_image_path": "", "neg_further_images": [], "negative_id": ""}
    if place < len(row["negatives"]):
        own = row["negative_ids"][place]
        side = _side("neg", "neg_text", row["negatives"][place], files, partial(note, "document", own, REASON))
        negative = {**side, "negative_id": own}
    return {**query, **positive, **negative, "query_id": row["query_id"], "instruction": row["instruction"]}


def _ignore(*_: str) -> None:
    """A note that was made before."""


def _side(name: str, text: str, side: Row, files: ImageFiles, note: Any) -> dict[str, Any]:
    one = one_image(side, note)
    return {
        text: (_IMAGE_PREFIX if one.image is not None else "") + one.text,
        f"{name}_image_path": "" if one.image is None else files.path(one.image),
        f"{name}_further_images": [files.path(image) for image in one.further],
    }

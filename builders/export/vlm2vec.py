"""Export for VLM2Vec: the six columns of MMEB, one row for each negative, images as files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from nyxqa.builders.export.dataset import Row, Source
from nyxqa.builders.export.files import REASON, ImageFiles, ParquetPart, one_image
from nyxqa.builders.export.readme import LeftOut, write_readme

_IMAGE_PREFIX = "<|image_1|>\n"
_COLUMNS = ("qry", "qry_image_path", "pos_text", "pos_image_path", "neg_text", "neg_image_path")
_HOW = """Columns as in MMEB-train: `subset_name` is `default`, `dataset_split` is a split of this dataset, and paths
are relative to FOLDER, so pass it as the image folder. A query with N negatives takes N consecutive rows; a query
without negatives takes one row with an empty negative. The columns `*_further_images`, `query_id`, `instruction` and
`negative_id` are added by nyxqa."""


def write_vlm2vec(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``SPLIT.parquet`` and ``images/``."""
    files = ImageFiles(folder)
    for split in source.splits:
        with ParquetPart(folder / f"{split}.parquet", _features()) as part:
            for row in source.triplets(split):
                for columns in _rows(row, files, partial(left_out.add, split)):
                    part.add(columns)
    write_readme(folder, "VLM2Vec", {"default": {split: f"{split}.parquet" for split in source.splits}}, _HOW, left_out)


def _rows(row: Row, files: ImageFiles, left_out: Any) -> list[dict[str, Any]]:
    query = _side("qry", "qry", row["query"], files, partial(left_out, "query", row["query_id"], REASON))
    positive = _side(
        "pos", "pos_text", row["positive"], files, partial(left_out, "document", row["positive_id"], REASON)
    )
    ids = {"query_id": row["query_id"], "instruction": row["instruction"]}
    no_negative = {"neg_text": "", "neg_image_path": "", "neg_further_images": [], "negative_id": ""}
    negatives = [
        {**_side("neg", "neg_text", side, files, partial(left_out, "document", one, REASON)), "negative_id": one}
        for side, one in zip(row["negatives"], row["negative_ids"], strict=True)
    ]
    return [{**query, **positive, **negative, **ids} for negative in negatives or [no_negative]]


def _side(name: str, text: str, side: Row, files: ImageFiles, note: Any) -> dict[str, Any]:
    one = one_image(side, note)
    return {
        text: (_IMAGE_PREFIX if one.image is not None else "") + one.text,
        f"{name}_image_path": "" if one.image is None else files.path(one.image),
        f"{name}_further_images": [files.path(image) for image in one.further],
    }


def _features() -> Any:
    from datasets import Features, Value

    text: dict[str, Any] = {name: Value("string") for name in (*_COLUMNS, "query_id", "instruction", "negative_id")}
    return Features({**text, **{f"{name}_further_images": [Value("string")] for name in ("qry", "pos", "neg")}})

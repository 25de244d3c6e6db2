"""Export for Tevatron: queries with the ids of their documents, and a corpus of ``docid``, ``text``, ``image``."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pyarrow as pa

from nyxqa.builders.export.dataset import LeftOut, Source, positive_ids
from nyxqa.builders.export.files import REASON, ParquetPart, image_struct, one_image, write_readme
from nyxqa.schemas.columns import IMAGE

_HOW = """```
--dataset_name FOLDER --dataset_config CONFIG --dataset_split SPLIT --corpus_name FOLDER --corpus_config corpus
```

Texts have no placeholders: an image goes before its text. Tevatron ignores the columns `further_images` and
`query_further_images`. Its trainer stops at a row without negatives, so such rows of split train are in a config of
their own, `queries_without_negatives`, which it reads with `--train_group_size 1`."""
_QUERIES = "queries"
_WITHOUT_NEGATIVES = "queries_without_negatives"
_QUERY_COLUMNS = pa.schema(
    [
        ("query_id", pa.string()),
        ("query_text", pa.string()),
        ("query_image", IMAGE),
        ("positive_document_ids", pa.list_(pa.string())),
        ("negative_document_ids", pa.list_(pa.string())),
        ("instruction", pa.string()),
        ("query_further_images", pa.list_(IMAGE)),
    ]
)
_CORPUS_COLUMNS = pa.schema(
    [("docid", pa.string()), ("text", pa.string()), ("image", IMAGE), ("further_images", pa.list_(IMAGE))]
)


def write_tevatron(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``queries/SPLIT.parquet``, ``corpus/train.parquet`` and a config of train queries without negatives."""
    files: dict[str, dict[str, str]] = {}
    for split in source.splits:
        for name, rows in _write_queries(source, split, folder, left_out).items():
            if rows:
                files.setdefault(name, {})[split] = f"{name}/{split}.parquet"
    with ParquetPart(folder / "corpus" / "train.parquet", _CORPUS_COLUMNS) as part:
        for row in source.documents():
            side = {"text": row["text"], "images": [image["bytes"] for image in row["images"]]}
            document = one_image(side, partial(left_out.add, "", "document", row["doc_id"], REASON))
            part.add(
                {
                    "docid": row["doc_id"],
                    "text": document.text,
                    "image": image_struct(document.image),
                    "further_images": [image_struct(one) for one in document.further],
                }
            )
    split = source.splits[0]
    config = next(name for name in (_QUERIES, _WITHOUT_NEGATIVES) if split in files.get(name, {}))
    configs = {**files, "corpus": {"train": "corpus/train.parquet"}}
    write_readme(folder, "Tevatron", configs, _HOW.replace("CONFIG", config).replace("SPLIT", split), left_out)


def _write_queries(source: Source, split: str, folder: Path, left_out: LeftOut) -> dict[str, int]:
    """Write the queries of one split; returns the number of rows by config."""
    parts: dict[str, ParquetPart] = {}
    with ExitStack() as open_parts:
        for row in source.triplets(split):
            name = _WITHOUT_NEGATIVES if split == "train" and not row["negative_ids"] else _QUERIES
            if name not in parts:
                path = folder / name / f"{split}.parquet"
                parts[name] = open_parts.enter_context(ParquetPart(path, _QUERY_COLUMNS))
            query = one_image(row["query"], partial(left_out.add, split, "query", row["query_id"], REASON))
            parts[name].add(
                {
                    "query_id": row["query_id"],
                    "query_text": query.text,
                    "query_image": image_struct(query.image),
                    "positive_document_ids": positive_ids(row),
                    "negative_document_ids": row["negative_ids"],
                    "instruction": row["instruction"],
                    "query_further_images": [image_struct(one) for one in query.further],
                }
            )
            if name == _WITHOUT_NEGATIVES:
                left_out.add(split, "query", row["query_id"], "no_negatives", f"in config {_WITHOUT_NEGATIVES}")
    return {name: part.rows for name, part in parts.items()}

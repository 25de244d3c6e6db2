"""For Tevatron: queries with ids of their documents, and a corpus of ``docid``, ``text``, ``image``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from nyxqa.builders.export.left_out import LeftOut
from nyxqa.builders.export.one_image import REASON, one_image
from nyxqa.builders.export.parts import ParquetPart
from nyxqa.builders.export.readme import write_readme
from nyxqa.builders.export.source import Source

_HOW = """```
--dataset_name FOLDER --dataset_config queries --dataset_split train --corpus_name FOLDER --corpus_config corpus
```

Texts have no placeholders: an image goes before its text. `further_images` are columns of nyxqa that Tevatron passes
over."""


def write_tevatron(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``queries/SPLIT.parquet`` and ``corpus/train.parquet``."""
    for split in source.splits:
        with ParquetPart(folder / "queries" / f"{split}.parquet", _queries()) as part:
            for row in source.triplets(split):
                note = partial(left_out.add, split, "query", row["query_id"], REASON)
                query = one_image(row["query"], note)
                part.add(
                    {
                        "query_id": row["query_id"],
                        "query_text": query.text,
                        "query_image": _image(query.image),
                        "positive_document_ids": positive_ids(row),
                        "negative_document_ids": row["negative_ids"],
                        "instruction": row["instruction"],
                        "query_further_images": [_image(one) for one in query.further],
                    }
                )
    with ParquetPart(folder / "corpus" / "train.parquet", _corpus()) as part:
        for row in source.documents():
            side = {"text": row["text"], "images": [image["bytes"] for image in row["images"]]}
            document = one_image(side, partial(left_out.add, "", "document", row["doc_id"], REASON))
            part.add(
                {
                    "docid": row["doc_id"],
                    "text": document.text,
                    "image": _image(document.image),
                    "further_images": [_image(one) for one in document.further],
                }
            )
    queries = {split: f"queries/{split}.parquet" for split in source.splits}
    write_readme(folder, "Tevatron", {"queries": queries, "corpus": {"train": "corpus/train.parquet"}}, _HOW, left_out)


def positive_ids(row: dict[str, Any]) -> list[str]:
    """All positives of a triplet, the one it trains with first."""
    return list(dict.fromkeys([row["positive_id"], *(one["doc_id"] for one in row["positives"])]))


def _image(data: bytes | None) -> dict[str, Any] | None:
    return None if data is None else {"bytes": data, "path": None}


def _queries() -> Any:
    from datasets import Features, Image, Value

    return Features(
        {
            "query_id": Value("string"),
            "query_text": Value("string"),
            "query_image": Image(),
            "positive_document_ids": [Value("string")],
            "negative_document_ids": [Value("string")],
            "instruction": Value("string"),
            "query_further_images": [Image()],
        }
    )


def _corpus() -> Any:
    from datasets import Features, Image, Value

    return Features({"docid": Value("string"), "text": Value("string"), "image": Image(), "further_images": [Image()]})

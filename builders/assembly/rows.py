"""Rows of the published tables, streamed in their order; image bytes join them last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nyxqa.builders.assembly.inputs import WebInputs
from nyxqa.builders.engine.duck import arrow_rows
from nyxqa.builders.images.pack import PackReader
from nyxqa.schemas.tables import CORPUS, QA, TRIPLETS, WEB

if TYPE_CHECKING:
    import duckdb

DATASET = "nyxqa"
_BATCH = 256
_QUESTIONS = "SELECT * FROM question WHERE split = '{split}' AND reason IS NULL ORDER BY qa_id"


def corpus_rows(web: WebInputs) -> Iterator[dict[str, Any]]:
    """Documents of all splits in page order."""
    reader = PackReader(web.packs)
    for document in web.documents.rows():
        yield corpus_row(document, reader)


def corpus_row(document: Mapping[str, Any], reader: PackReader) -> dict[str, Any]:
    """One document as table ``corpus`` has it."""
    images = document["images"]
    own = {
        "images": image_structs(images, reader),
        "image_ids": [image["image_id"] for image in images],
        "image_phashes": [image["phash"] for image in images],
        "captions": [image["caption"] for image in images],
        "image_urls": [image["url"] for image in images],
    }
    return {**{name: document[name] for name in CORPUS.schema.names if name not in own}, **own}


def image_structs(images: Sequence[Mapping[str, Any]], reader: PackReader) -> list[dict[str, Any]]:
    """Images as ``datasets`` stores them."""
    return [{"bytes": reader.read(image), "path": None} for image in images]


def question_rows(db: duckdb.DuckDBPyConnection, split: str, reader: PackReader) -> Iterator[dict[str, Any]]:
    """Published questions of one split, a batch at a time in memory."""
    for row in arrow_rows(db, _QUESTIONS.format(split=split), _BATCH):
        yield {**row, "images": image_structs(row["images"], reader)}


def qa_row(question: Mapping[str, Any]) -> dict[str, Any]:
    """One question as table ``qa`` has it."""
    return {name: question[name] for name in QA.schema.names}


def triplet_row(question: Mapping[str, Any]) -> dict[str, Any]:
    """One question as table ``triplets`` has it."""
    own = {
        "query_id": question["qa_id"],
        "dataset": DATASET,
        "pool": WEB,
        "instruction": "",
        "query": question["question"],
        "query_images": question["images"],
        "query_image_ids": question["image_ids"],
        "positive_id": question["doc_id"],
    }
    return {**{name: question[name] for name in TRIPLETS.schema.names if name not in own}, **own}

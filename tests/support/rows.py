"""Rows between stages, filled with what a test does not care about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.part_files import filled_record, part_file, write_record
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.rows import CHUNKS, DOCUMENTS, PAGES, QUESTIONS, SOURCE_PAGES, SPLIT_DOCUMENTS
from nyxqa.schemas.content import PLACEHOLDER, kind_of
from nyxqa.schemas.ids import doc_id

__all__ = ["CHUNKS", "DOCUMENTS", "PAGES", "QUESTIONS", "SOURCE_PAGES", "SPLIT_DOCUMENTS"]


def phash_of(image: str) -> int:
    """A hash far from those of other images."""
    return int.from_bytes(hashlib.sha256(image.encode()).digest()[:8], "big", signed=True)


def locator(image: str, caption: str = "") -> dict[str, Any]:
    return {
        "image_id": image,
        "phash": phash_of(image),
        "caption": caption,
        "caption_origin": "alt" if caption else "",
        "url": "",
        "shard": 0,
        "offset": 0,
        "length": 0,
    }


def part(text: str | None = None, image: str | None = None, section: str = "") -> dict[str, Any]:
    return {"text": text, "image": None if image is None else locator(image), "section": section}


def page(page_id: str, parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    names = ("row", "path", "title", "url", "language", "license")
    return {**dict.fromkeys(names), "source": "jsonl", "page_id": page_id, "parts": parts, **more}


def source_page(page_id: str, *parts: str) -> dict[str, Any]:
    """A page whose parts are texts, or images where they begin with an exclamation mark."""
    made = [
        {
            "text": None if value.startswith("!") else value,
            "image": value[1:] if value.startswith("!") else None,
            "caption": "",
            "caption_origin": "",
            "section": "",
        }
        for value in parts
    ]
    return page(page_id, made)


def document(page_id: str, chunk: int, text: str, images: Iterable[str] = (), **more: Any) -> dict[str, Any]:
    """A row of CHUNKS, DOCUMENTS and SPLIT_DOCUMENTS at once; placeholders are put before the text."""
    ids = list(images)
    full = (PLACEHOLDER + "\n") * len(ids) + text
    own = doc_id(full, ids)
    return {
        "place": f"{page_id}:{chunk}",
        "doc_id": own,
        "text": full,
        "images": [locator(image) for image in ids],
        "kind": kind_of(len(ids)),
        "n_tokens": len(text.split()),
        "page_id": page_id,
        "chunk": chunk,
        "title": None,
        "section": "",
        "url": f"https://example.org/{page_id}",
        "license": None,
        "language": None,
        "external_id": None,
        "locator": "",
        "source": "jsonl",
        "start": 0,
        "end": len(full),
        "cluster": own,
        "also_at": [],
        "group": page_id,
        "split": "train",
        **more,
    }


def question(qa_id: str, text: str = "What is it?", answer: str = "gold", **more: Any) -> dict[str, Any]:
    """A row of QUESTIONS on a document of its own."""
    return {
        "qa_id": qa_id,
        "draft": f"{qa_id}:0",
        "key": qa_id,
        "order_key": 0,
        "question": text,
        "images": [],
        "answer": answer,
        "answers": [answer],
        "answer_long": answer,
        "choices": [],
        "label": -1,
        "generator": "extractive",
        "prompts": dict.fromkeys(
            ("questions", "questions_multi", "shorten", "answer", "answer_closed", "distractors"), ""
        ),
        "evidence": None,
        "positives": [],
        "negative_ids": [],
        "negative_ranks": [],
        "negative_scores": [],
        "miner": "",
        "document": document(f"page-{qa_id}", 0, f"The document of {qa_id} tells that it is {answer}."),
        **more,
    }


def write(file: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema), file)
    return file


def parts_of(folder: Path, schema: pa.Schema, *shards: list[dict[str, Any]]) -> StepOutput:
    """The output of a step of these shards."""
    for index, rows in enumerate(shards):
        write(part_file(folder, index), rows, schema)
    return finished(folder, "f" * 64)


def finished(folder: Path, fingerprint: str = "") -> StepOutput:
    """The output of a step whose part and ledger files lie in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder, filled_record(folder, None))
    return StepOutput(fingerprint, folder)

"""A small but complete dataset folder, written by the same code as a real one."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from nyxqa.schemas.card_configs import dataset_configs
from nyxqa.schemas.content import PLACEHOLDER, kind_of
from nyxqa.schemas.ids import doc_id, image_id, page_id_of_path, qa_id, query_id, row_hash
from nyxqa.schemas.manifest import FileEntry, Manifest, StageEntry, write_manifest
from nyxqa.schemas.tables import CONDITIONS, LEDGER, PREVIEW, PREVIEW_NEGATIVES, TABLES
from nyxqa.schemas.writing import write_split

Row = dict[str, Any]
SPLITS = ("train", "validation", "test")
DOCUMENTS_A_SPLIT = 5
_SUBJECTS = ("harbour", "mill", "bridge", "orchard", "tower")


def png(seed: int, size: int = 8) -> bytes:
    """A picture of random pixels, a few hundred bytes of PNG."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


@dataclass
class TinyDataset:
    """What the folder holds, as rows by table and split; ``write`` publishes them."""

    tables: dict[str, dict[str, list[Row]]] = field(default_factory=dict)

    def rows(self, table: str, split: str) -> list[Row]:
        """Rows of one split."""
        return self.tables.get(table, {}).get(split, [])

    def document(self, identifier: str) -> Row:
        """The corpus row of that id, whatever its pool."""
        return next(row for rows in self.tables["corpus"].values() for row in rows if row["doc_id"] == identifier)

    def write(self, root: Path) -> Manifest:
        """Publish into ``root``: data, card and, last, the manifest; files of an earlier build are removed."""
        for old in sorted((root / "data").rglob("*.parquet")):
            old.unlink()
        files: dict[str, FileEntry] = {}
        for table, splits in self.tables.items():
            for split, rows in splits.items():
                files.update(write_split(TABLES[table], split, rows, root))
        return publish(root, files)


def publish(root: Path, files: dict[str, FileEntry]) -> Manifest:
    """Write card and manifest for ``files``."""
    stage = StageEntry("assemble", "", "0" * 12, "question", "question", 0, 0, 0, 0, 0, 0.0)
    manifest = Manifest({"seed": 42}, 42, {}, {}, [], [stage], files, {"equal_documents": 0}, {"requests": 0})
    head = yaml.safe_dump({"configs": dataset_configs(manifest)}, sort_keys=False)
    (root / "README.md").write_text(f"---\n{head}---\n# Tiny\n", encoding="utf-8")
    write_manifest(root, manifest)
    return manifest


def tiny_dataset(seed: int = 0, *, full: bool = False) -> TinyDataset:
    """Pool ``web`` with pictures for three splits, ``qa``, ``triplets``, ``ledger`` and ``preview``.

    :param seed: Changes every text and picture, no number of rows.
    :param full: Also a text pool ``wiki`` with triplets of its own, ``mixture`` and ``feedback``.
    """
    web = [document(seed, split, ordinal) for split in SPLITS for ordinal in range(DOCUMENTS_A_SPLIT)]
    by_split = {split: [row for row in web if row["split"] == split] for split in SPLITS}
    qa = {split: sorted((_question(row) for row in rows[:3]), key=_by("qa_id")) for split, rows in by_split.items()}
    triplets = {split: [_triplet(row, by_split[split]) for row in qa[split]] for split in SPLITS}
    tiny = TinyDataset({"corpus": {"web": web}, "qa": qa, "triplets": triplets})
    if full:
        wiki = [document(seed, "", ordinal, pool="wiki") for ordinal in range(DOCUMENTS_A_SPLIT)]
        tiny.tables["corpus"]["wiki"] = wiki
        triplets["train"] += [_text_triplet(number, wiki) for number in range(2)]
        triplets["train"].sort(key=lambda row: (row["dataset"], row["query_id"]))
        tiny.tables["mixture"] = {"train": _mixture(triplets["train"])}
        tiny.tables["qrels"] = {split: _judged(triplets[split]) for split in ("validation", "test")}
        tiny.tables["feedback"] = {"train": [_feedback(row) for row in triplets["train"]]}
    tiny.tables["ledger"] = {"rows": [_dropped(number) for number in range(3)]}
    tiny.tables["preview"] = {"train": [_preview(tiny, row) for row in triplets["train"]]}
    return tiny


def document(seed: int, split: str, ordinal: int, pool: str = "web", images: int | None = None) -> Row:
    """A corpus row; by default its number of pictures goes round 0, 1, 2."""
    number = (ordinal % 3 if pool == "web" else 0) if images is None else images
    name = f"{_SUBJECTS[ordinal % len(_SUBJECTS)]} {seed}-{split}-{ordinal}"
    text = f"The {name} in pool {pool}." + f" {PLACEHOLDER} seen from afar." * number
    pictures = [png(hash_of(pool, seed, split, ordinal, i)) for i in range(number)]
    ids = [image_id(picture) for picture in pictures]
    page = page_id_of_path(f"{pool}/{name}.html")
    own = doc_id(text, ids)
    return {
        "doc_id": own,
        "text": text,
        "images": [{"bytes": picture, "path": None} for picture in pictures],
        "image_ids": ids,
        "image_phashes": [hash_of("phash", one) for one in ids],
        "captions": ["seen from afar"] * number,
        "caption_origins": ["figure"] * number,
        "kind": kind_of(number),
        "n_tokens": len(text.split()),
        "page_id": page,
        "chunk": 0,
        "title": None if pool == "web" else name,
        "section": "",
        "url": f"https://example.org/{pool}/{split}/{ordinal}" if pool == "web" else None,
        "image_urls": [f"https://example.org/{one[:8]}.png" for one in ids],
        "license": "CC0-1.0",
        "language": "en",
        "external_id": None if pool == "web" else str(ordinal),
        "source": "sample",
        "split": split,
        "group": page if pool == "web" else own,
        "cluster": own,
        "also_at": [{"page_id": page, "chunk": 1, "url": ""}] if ordinal == 0 else [],
        "start": 0,
        "end": len(text),
        "locator": "",
    }


def hash_of(*parts: object) -> int:
    """A 31-bit number that depends only on ``parts``."""
    return int(query_id("tiny", "/".join(map(str, parts)))[:8], 16) >> 1


def _by(column: str) -> Any:
    return lambda row: row[column]


def _question(row: Row) -> Row:
    asked = row["kind"] == "single"
    question = f"Which place is {PLACEHOLDER}?" if asked else f"What is said of {row['text'].split('.')[0]}?"
    images, ids = (row["images"], row["image_ids"]) if asked else ([], [])
    answer = row["text"].split()[1]
    verdict = {"prediction": answer, "correct": True}
    return {
        "qa_id": qa_id(question, ids, answer, row["doc_id"]),
        "question": question,
        "images": images,
        "image_ids": ids,
        "answer": answer,
        "answers": [answer],
        "answer_long": f"It is the {answer}.",
        "choices": [answer, "a", "b", "c"],
        "label": 0,
        "doc_id": row["doc_id"],
        "page_id": row["page_id"],
        "kind": row["kind"],
        "source": row["source"],
        "generator": "extractive",
        "prompts": dict.fromkeys(("questions", "questions_multi", "shorten", "answer", "answer_closed", "distractors")),
        "evidence": {**dict.fromkeys(CONDITIONS), "closed_book": verdict, "document": verdict},
        "dataset": "nyxqa",
        "pool": "web",
        "reviews": 0,
        "type": "fact",
        "nuggets": [{"text": answer, "doc_id": row["doc_id"], "start": 4, "end": 4 + len(answer)}],
        "answerable": True,
    }


def _triplet(question: Row, documents: Iterable[Row]) -> Row:
    others = [row["doc_id"] for row in documents if row["doc_id"] != question["doc_id"]][:3]
    return {
        "query_id": question["qa_id"],
        "dataset": "nyxqa",
        "pool": "web",
        "instruction": "Find the page that answers the question.",
        "query": question["question"],
        "query_images": question["images"],
        "query_image_ids": question["image_ids"],
        "answers": question["answers"],
        "positive_id": question["doc_id"],
        "positives": [{"doc_id": question["doc_id"], "rank": 1, "score": 2.5, "origin": "source"}],
        "negative_ids": others,
        "negative_ranks": list(range(2, 2 + len(others))),
        "negative_scores": [2.0**-rank for rank in range(2, 2 + len(others))],
        "miner": "bm25",
        "kind": question["kind"],
        "reviews": 0,
        "row_hash": row_hash(question["qa_id"], question["doc_id"], others),
        "needs": "any",
    }


def _text_triplet(number: int, documents: list[Row]) -> Row:
    positive, *others = documents[number:]
    return {
        "query_id": query_id("hotpotqa", number),
        "dataset": "hotpotqa",
        "pool": "wiki",
        "instruction": "",
        "query": f"Which passage is number {number}?",
        "query_images": [],
        "query_image_ids": [],
        "answers": [str(number)],
        "positive_id": positive["doc_id"],
        "positives": [{"doc_id": positive["doc_id"], "rank": None, "score": None, "origin": "gold"}],
        "negative_ids": [row["doc_id"] for row in others],
        "negative_ranks": [None] * len(others),
        "negative_scores": [None] * len(others),
        "miner": "bm25",
        "kind": "text",
        "reviews": 0,
        "row_hash": row_hash(query_id("hotpotqa", number), positive["doc_id"], [row["doc_id"] for row in others]),
        "needs": "any",
    }


def _mixture(triplets: list[Row]) -> list[Row]:
    """Every triplet twice, in an order that is not theirs."""
    order = [*reversed(triplets), *triplets]
    return [{"position": i, "query_id": row["query_id"], "dataset": row["dataset"]} for i, row in enumerate(order)]


def _feedback(triplet: Row) -> Row:
    listed = [triplet["positive_id"], *triplet["negative_ids"]]
    scored = {"prediction": "harbour", "f1": 0.5, "correct": False}
    return {
        "query_id": triplet["query_id"],
        "dataset": triplet["dataset"],
        "candidates": [
            {"doc_id": one, "rank": rank, "score": 2.0**-rank, **scored} for rank, one in enumerate(listed, 1)
        ],
        "closed_book": scored,
        "positive_ids": listed[:1],
        "negative_ids": listed[1:],
        "generator": "extractive",
    }


def _judged(triplets: list[Row]) -> list[Row]:
    """The positive of each triplet with a span, and its first negative without."""
    rows = [
        {"query_id": row["query_id"], "doc_id": doc, "grade": grade, "by": "openai:judge", "span": span}
        for row in triplets
        for doc, grade, span in (
            (row["positive_id"], 2, {"start": 4, "end": 11}),
            (row["negative_ids"][0], 0, None),
        )
    ]
    return sorted(rows, key=lambda row: (row["query_id"], row["doc_id"]))


def _dropped(number: int) -> Row:
    row = dict.fromkeys(LEDGER.schema.names, "")
    return {**row, "stage": "filter", "item_type": "document", "item_id": f"{number:032x}", "reason": "too_short"}


def _preview(tiny: TinyDataset, triplet: Row) -> Row:
    row = {name: triplet[name] for name in PREVIEW.schema.names if name in triplet}
    for number in PREVIEW_NEGATIVES:
        row |= {f"negative_{number}_id": "", f"negative_{number}_score": None}
    pairs = zip(triplet["negative_ids"], triplet["negative_scores"], strict=True)
    for number, (doc, score) in zip(PREVIEW_NEGATIVES, pairs, strict=False):
        row |= {f"negative_{number}_id": doc, f"negative_{number}_score": score}
    for name in ("positive", *(f"negative_{number}" for number in PREVIEW_NEGATIVES)):
        shown = tiny.document(row[f"{name}_id"]) if row[f"{name}_id"] else {"text": "", "images": []}
        row |= {name: shown["text"], f"{name}_images": shown["images"]}
    return row

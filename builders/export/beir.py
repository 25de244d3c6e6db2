"""Export for BEIR and its readers: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from nyxqa.builders.export.dataset import LeftOut, Row, Source, positive_ids
from nyxqa.builders.export.files import ImageFiles, write_readme
from nyxqa.schemas.content import plain_text

_HOW = """```python
from beir.datasets.data_loader import GenericDataLoader

corpus, queries, qrels = GenericDataLoader("FOLDER").load(split="SPLIT")
```

Hard negatives were never judged, so they are in `negatives/SPLIT.tsv`, not in the qrels; `datasets` reads the two as
configs `qrels` and `negatives`. BEIR is a text benchmark: lines with images list their files under `images`, and their
text has no placeholders."""
_JUDGED, _NEGATIVES = "qrels", "negatives"
_TABS = {"sep": "\t"}  # how ``datasets`` reads the files of both configs


def write_beir(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write corpus, queries and qrels, negatives, and image files."""
    files = ImageFiles(folder)
    for name in (_JUDGED, _NEGATIVES):
        (folder / name).mkdir()
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as corpus:
        for row in source.documents():
            images = [image["bytes"] for image in row["images"]]
            line = {"_id": row["doc_id"], "title": row["title"] or "", **_text(row["text"], images, files)}
            _write(corpus, line)
            _note(left_out, "", "document", row["doc_id"], images)
    with (folder / "queries.jsonl").open("w", encoding="utf-8") as queries:
        for split in source.splits:
            _write_split(source, split, folder, queries, files, left_out)
    configs = {name: {split: f"{name}/{split}.tsv" for split in source.splits} for name in (_JUDGED, _NEGATIVES)}
    how = _HOW.replace('split="SPLIT"', f'split="{source.splits[0]}"')
    write_readme(folder, "BEIR", configs, how, left_out, _TABS)


def _write_split(
    source: Source, split: str, folder: Path, queries: TextIO, files: ImageFiles, left_out: LeftOut
) -> None:
    with (
        (folder / _JUDGED / f"{split}.tsv").open("w", encoding="utf-8") as qrels,
        (folder / _NEGATIVES / f"{split}.tsv").open("w", encoding="utf-8") as negatives,
    ):
        qrels.write("query-id\tcorpus-id\tscore\n")
        negatives.write("query-id\tcorpus-id\trank\tscore\n")
        for row in source.triplets(split):
            query_id, side = row["query_id"], row["query"]
            instruction = {"instruction": row["instruction"]} if row["instruction"] else {}
            _write(queries, {"_id": query_id, **_text(side["text"], side["images"], files), **instruction})
            _note(left_out, split, "query", query_id, side["images"])
            positives = positive_ids(row)
            source.counts["qrel"] += len(positives)
            qrels.writelines(f"{query_id}\t{one}\t1\n" for one in positives)
            negatives.writelines(_negative_lines(row))


def _negative_lines(row: Row) -> list[str]:
    negatives = zip(row["negative_ids"], row["negative_ranks"], row["negative_scores"], strict=True)
    return [f"{row['query_id']}\t{one}\t{_number(rank)}\t{_number(score)}\n" for one, rank, score in negatives]


def _number(value: float | None) -> str:
    return "" if value is None else str(value)


def _text(text: str, images: list[bytes], files: ImageFiles) -> dict[str, Any]:
    if not images:
        return {"text": text}
    return {"text": plain_text(text), "images": [files.path(image) for image in images]}


def _note(left_out: LeftOut, split: str, item_type: str, item_id: str, images: list[bytes]) -> None:
    if images:
        left_out.add(split, item_type, item_id, "images_beside_text", f"{len(images)} images as files under 'images'")


def _write(stream: TextIO, line: dict[str, Any]) -> None:
    stream.write(json.dumps(line, ensure_ascii=False) + "\n")

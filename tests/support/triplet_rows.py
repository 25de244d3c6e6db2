"""Joined rows as ``nyxqa.load`` gives them, few and small, that a small model can learn from."""

from __future__ import annotations

from typing import Any

from nyxqa.schemas.content import PLACEHOLDER
from tests.support.tiny_dataset import png

Row = dict[str, Any]
_COMMON = "the of a which is place near old town river said in and with"


def document(number: int, images: int = 0) -> Row:
    """Text with words of its own between common ones, and pictures."""
    own = " ".join(f"{'aeiou'[number % 5]}{stem}{number}" for stem in ("mill", "bridge", "tower"))
    text = f"{_COMMON} {own} {_COMMON}" + f" {PLACEHOLDER} seen" * images
    return {"text": text, "images": [png(100 * number + place) for place in range(images)]}


def triplet(number: int, dataset: str = "nyxqa", negatives: int = 2, of: int = 40) -> Row:
    """A row whose query shares two words with its positive; every third has no negatives."""
    count = 0 if number % 3 == 0 else negatives
    others = [(number + 1 + step) % of for step in range(count)]
    images = number % 2
    query = f"which old place has {'aeiou'[number % 5]}mill{number} and {'aeiou'[number % 5]}tower{number}?"
    return {
        "query_id": f"{number:032x}",
        "dataset": dataset,
        "instruction": "Find the page that answers the question.",
        "query": {
            "text": query + f" {PLACEHOLDER}" * images,
            "images": document(number, images)["images"],
        },
        "positive_id": f"d{number}",
        "positive": document(number, images),
        "positives": [{"doc_id": f"d{number}", "rank": 1, "score": 2.0, "origin": "source"}],
        "negative_ids": [f"d{other}" for other in others],
        "negatives": [document(other, other % 2) for other in others],
        "kind": "text",
    }


def triplets(count: int = 40, datasets: int = 1) -> list[Row]:
    """So many rows, taking turns between datasets."""
    return [triplet(number, f"set{number % datasets}", of=count) for number in range(count)]

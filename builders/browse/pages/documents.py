"""A triplet as the page of a row and the review app show it: query, positive and negatives side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from nyxqa.builders.browse.dataset import BrowsedDataset, Document
from nyxqa.builders.browse.text import SNIPPET, content, holds_answer, plain

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ShownImage:
    """A picture with the number that stands for it in the text."""

    number: int
    path: str
    caption: str


@dataclass(frozen=True)
class ShownDocument:
    """A document beside others.

    :param number: Its key among the negatives, from 1; 0 for a positive.
    :param rank: Its rank; None if it was not retrieved.
    :param relative: Its score as a share of the positive's; None where that says nothing.
    :param holds: How often an accepted answer stands in it.
    :param snippet: Its text around the first answer; ``whole`` all of it.
    """

    number: int
    doc_id: str
    pool: str
    origin: str
    rank: int | None
    score: float | None
    relative: float | None
    holds: int
    snippet: Markup
    whole: Markup
    images: tuple[ShownImage, ...]
    row: Row


@dataclass(frozen=True)
class ShownTriplet:
    """A triplet with its documents."""

    row: Row
    split: str
    query: Markup
    images: tuple[ShownImage, ...]
    answers: tuple[str, ...]
    positives: tuple[ShownDocument, ...]
    negatives: tuple[ShownDocument, ...]
    question: Row


def shown_triplet(dataset: BrowsedDataset, split: str, row: Row) -> ShownTriplet:
    """Everything that is shown of a triplet."""
    question = dataset.row("qa", split, row["query_id"]) or {}
    answers = tuple(row["answers"])
    first = next((one for one in row["positives"] if one["doc_id"] == row["positive_id"]), None)
    best = None if first is None else first["score"]
    positives = [
        _document(
            dataset, row, one["doc_id"], answers, best, score=one["score"], rank=one["rank"], origin=one["origin"]
        )
        for one in sorted(row["positives"], key=lambda one: one["doc_id"] != row["positive_id"])
    ]
    scored = zip(row["negative_ids"], row["negative_ranks"], row["negative_scores"], strict=True)
    negatives = [
        _document(dataset, row, doc_id, answers, best, score=score, rank=rank, number=number)
        for number, (doc_id, rank, score) in enumerate(scored, 1)
    ]
    where = f"table=triplets&split={split}&row={row['query_id']}"
    images = tuple(
        ShownImage(number, f"/image/{image}?{where}", "") for number, image in enumerate(row["query_image_ids"], 1)
    )
    query = content(row["query"])
    return ShownTriplet(row, split, query, images, answers, tuple(positives), tuple(negatives), question)


def _document(
    dataset: BrowsedDataset,
    triplet: Row,
    doc_id: str,
    answers: Sequence[str],
    best: float | None,
    *,
    score: float | None,
    rank: int | None,
    origin: str = "",
    number: int = 0,
) -> ShownDocument:
    document = dataset.document(triplet["pool"], doc_id)
    text = document.row.get("text", "")
    captions = " ".join(document.row.get("captions", ()))
    relative = score / best if score is not None and best is not None and best > 0 else None
    return ShownDocument(
        number=number,
        doc_id=doc_id,
        pool=document.pool,
        origin=origin,
        rank=rank,
        score=score,
        relative=relative,
        holds=holds_answer(f"{text} {captions}", answers),
        snippet=content(text, answers, SNIPPET),
        whole=content(text, answers),
        images=shown_images(document),
        row=document.row,
    )


def shown_images(document: Document) -> tuple[ShownImage, ...]:
    """The pictures of a document."""
    captions = document.row.get("captions", [])
    pairs = zip(document.images, [*captions, *[""] * len(document.images)], strict=False)
    return tuple(ShownImage(number, path, plain(caption)) for number, (path, caption) in enumerate(pairs, 1))

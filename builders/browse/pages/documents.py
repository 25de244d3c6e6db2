"""Triplets side by side, and the pages of single items: dropped ones, clusters, what splits share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from markupsafe import Markup

from nyxqa.builders.browse.dataset import BrowsedDataset, Document
from nyxqa.builders.browse.text import SNIPPET, content, holds_answer, plain, visible, word_differences
from nyxqa.schemas.manifest import WORK

PAGE = 50
_DOC = re.compile(r"\b[0-9a-f]{32}\b")
_SCORE = re.compile(r"\b[01]\.\d+")
_DROPS = """
SELECT * FROM ledger WHERE stage = ? AND reason = ? AND (split, item_type, item_id, parent_id, detail) > (?, ?, ?, ?, ?)
ORDER BY split, item_type, item_id, parent_id, detail LIMIT ?
"""
_CLUSTERS = """
SELECT cluster, count(*) AS documents, count(DISTINCT split) AS splits, any_value(title) AS title FROM corpus
GROUP BY cluster HAVING count(*) > 1 ORDER BY documents DESC, cluster LIMIT ?
"""
_CLUSTER = "SELECT doc_id, pool, split FROM corpus WHERE cluster = ? ORDER BY split, doc_id LIMIT ?"
# What must not be: a cluster or a group in two splits, and a document of another split in a triplet.
LEAKS = {
    "groups in two splits": """
        SELECT "group", list(DISTINCT split) AS splits FROM corpus WHERE pool = 'web'
        GROUP BY "group" HAVING count(DISTINCT split) > 1 ORDER BY 1""",
    "clusters in two splits": """
        SELECT cluster, list(DISTINCT split) AS splits FROM corpus WHERE pool = 'web'
        GROUP BY cluster HAVING count(DISTINCT split) > 1 ORDER BY 1""",
    "documents of another split in a triplet": """
        SELECT t.split, t.query_id, c.doc_id, c.split AS document_split FROM
        (SELECT split, query_id, unnest(list_append(negative_ids, positive_id)) AS doc_id FROM triplets
         WHERE pool = 'web') t JOIN corpus c ON c.doc_id = t.doc_id AND c.pool = 'web' AND c.split <> t.split
        ORDER BY ALL""",
    "questions in two splits": """
        SELECT question, list(DISTINCT split) AS splits FROM qa GROUP BY question, image_ids
        HAVING count(DISTINCT split) > 1 ORDER BY 1""",
}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class ShownImage:
    """A picture with the number of its placeholder in the text."""

    number: int
    path: str
    caption: str


@dataclass(frozen=True)
class ShownDocument:
    """A document beside others.

    :param number: Its key among the negatives, from 1; 0 for a positive.
    :param rank: Its rank; None if it was not retrieved.
    :param relative: Its score as a share of the positive's; None where that says nothing.
    :param holds: How often an accepted answer occurs in it.
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


@dataclass(frozen=True)
class Pair:
    """A dropped document beside the one that stayed, with the words in which they differ.

    :param dropped: Its text; None where the work folder was deleted.
    """

    survivor: str
    dropped: Markup | None
    kept: Markup
    images: tuple[ShownImage, ...]
    similarity: str


def dropped_rows(dataset: BrowsedDataset, stage: str, reason: str, after: Sequence[str]) -> list[Mapping[str, Any]]:
    """The ledger rows of one reason, one more than a page."""
    start = [*after, *[""] * 5][:5]
    return list(dataset.views.rows(_DROPS, [stage, reason, *start, PAGE + 1]))


def pair(dataset: BrowsedDataset, row: Mapping[str, Any]) -> Pair | None:
    """The document that stayed in the place of a dropped one; None where the ledger names none."""
    for doc_id in _DOC.findall(row["detail"]):
        document = dataset.document("web", doc_id)
        if document.row and doc_id != row["item_id"]:
            kept = document.row["text"]
            text = dropped_text(dataset, row["item_id"])
            dropped, shown = (None, content(kept)) if text is None else word_differences(text, kept)
            score = _SCORE.search(row["detail"])
            return Pair(doc_id, dropped, shown, shown_images(document), "" if score is None else score[0])
    return None


def dropped_text(dataset: BrowsedDataset, item_id: str) -> str | None:
    """The text of a document that stage ``dedup`` dropped, from the work folder of the build; None without one."""
    for file in sorted((dataset.path / WORK / "steps" / "chunk").glob("*/part-*.parquet")):
        try:
            found = pq.read_table(file, columns=["text"], filters=[("place", "=", item_id)])
        except (pa.ArrowException, OSError):
            continue  # a build is writing it
        if found.num_rows:
            return str(found.column("text")[0].as_py())
    return None


def clusters(dataset: BrowsedDataset) -> list[Mapping[str, Any]]:
    """The largest clusters."""
    return list(dataset.views.rows(_CLUSTERS, [PAGE]))


def cluster(dataset: BrowsedDataset, name: str) -> list[dict[str, Any]]:
    """The documents of a cluster, the words marked in which each differs from the first."""
    documents = [
        (row, dataset.document(row["pool"], row["doc_id"])) for row in dataset.views.rows(_CLUSTER, [name, PAGE])
    ]
    if not documents:
        return []
    first = documents[0][1].row["text"]
    shown = [visible(""), *(word_differences(first, one.row["text"])[1] for _, one in documents[1:])]
    return [
        {**row, "document": one, "images": shown_images(one), "text": text if place else content(first)}
        for place, ((row, one), text) in enumerate(zip(documents, shown, strict=True))
    ]

"""A dataset of many short documents in which one thing gives the answers, or the negatives, away; or nothing does."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.ids import doc_id, qa_id, row_hash
from tests.support.tiny_dataset import TinyDataset, document, tiny_dataset

Row = dict[str, Any]
SHORTCUTS = ("question", "image", "position", "length", "negatives")
QUESTIONS = 120
_COLOURS = ("red", "blue", "green", "white", "black", "brown")
_PLACES = ("harbour", "mill", "bridge", "orchard", "tower", "garden")
_OFTEN = 0.9  # share of the questions that the shortcut answers


def shortcut_dataset(root: Path, shortcut: str = "") -> Path:
    """Write the dataset: ``QUESTIONS`` questions on the picture of a document each, four colours to choose from.

    :param shortcut: One of ``SHORTCUTS``, or "" for none.
    """
    drawn = random.Random(7)
    tiny = tiny_dataset()
    base, question, triplet = (tiny.rows(name, split)[1] for name, split in _KINDS)
    documents = [_document(base, drawn, number, shortcut) for number in range(2 * QUESTIONS)]
    asked = [_question(question, drawn, row, number, shortcut) for number, row in enumerate(documents[:QUESTIONS])]
    triplets = [_triplet(triplet, drawn, row, documents[QUESTIONS:]) for row in asked]
    own = {row["doc_id"] for row in tiny.rows("corpus", "web") if row["split"] == "train"}
    kept = [row for row in tiny.rows("corpus", "web") if row["doc_id"] not in own]
    tables = {
        "corpus": {"web": [*documents, *kept]},
        "qa": {**tiny.tables["qa"], "train": sorted(asked, key=lambda row: row["qa_id"])},
        "triplets": {**tiny.tables["triplets"], "train": sorted(triplets, key=lambda row: row["query_id"])},
        "ledger": tiny.tables["ledger"],
    }
    TinyDataset(tables).write(root)
    return root


_KINDS = (("corpus", "web"), ("qa", "train"), ("triplets", "train"))


def _document(base: Row, drawn: random.Random, number: int, shortcut: str) -> Row:
    """A document with one picture; the second half are negatives."""
    row = document(7, "train", number, images=1)
    text = f"Place {number}: a {drawn.choice(_PLACES)} and a {drawn.choice(_PLACES)}. {PLACEHOLDER}"
    if shortcut == "negatives" and (number >= QUESTIONS) == (drawn.random() < _OFTEN):
        text += " Unchecked draft."
    own = doc_id(text, row["image_ids"])
    name = {"doc_id": own, "cluster": own, "text": text, "n_tokens": len(text.split()), "end": len(text), "also_at": []}
    return {**base, **row, **name, "image_phashes": [drawn.getrandbits(62)]}


def _question(base: Row, drawn: random.Random, row: Row, number: int, shortcut: str) -> Row:
    colours = drawn.sample(_COLOURS, 4)
    label, told, place = number % 4, drawn.random() < _OFTEN, drawn.randrange(6)
    if told and shortcut == "question":
        others = [one for one in colours if one != _COLOURS[place]][:3]
        colours = [*others[:label], _COLOURS[place], *others[label:]]
    if told and shortcut == "position":
        label = 2
    if told and shortcut == "image":
        row["image_phashes"] = [(row["image_phashes"][0] & ~255) | _COLOURS.index(colours[label])]
    if told and shortcut == "length":
        colours[label] += " ........"
    answer = colours[label]
    question = f"Which colour has the {_PLACES[place]} of number {number} in {PLACEHOLDER}?"
    return {
        **base,
        "qa_id": qa_id(question, row["image_ids"], answer, row["doc_id"]),
        "question": question,
        "images": row["images"],
        "image_ids": row["image_ids"],
        "answer": answer,
        "answers": [answer],
        "choices": colours,
        "label": label,
        "doc_id": row["doc_id"],
        "page_id": row["page_id"],
        "kind": row["kind"],
        "nuggets": [],
    }


def _triplet(base: Row, drawn: random.Random, question: Row, others: list[Row]) -> Row:
    negatives = [row["doc_id"] for row in drawn.sample(others, 3)]
    return {
        **base,
        "query_id": question["qa_id"],
        "query": question["question"],
        "query_images": question["images"],
        "query_image_ids": question["image_ids"],
        "answers": question["answers"],
        "positive_id": question["doc_id"],
        "positives": [{"doc_id": question["doc_id"], "rank": 1, "score": 2.5, "origin": "source"}],
        "negative_ids": negatives,
        "negative_ranks": [2, 3, 4],
        "negative_scores": [0.25, 0.125, 0.0625],
        "kind": question["kind"],
        "row_hash": row_hash(question["qa_id"], question["doc_id"], negatives),
    }

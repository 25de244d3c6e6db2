"""Rows as ``nyxqa.load`` joins them, as a loss needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nyxqa.retriever.protocols import ModelInput
from nyxqa.retriever.training.label_masks import NamedIds
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.errors import LawError

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A document by id and content."""

    id: str
    side: ModelInput


@dataclass(frozen=True, slots=True)
class Example:
    """A query with its documents.

    :param positives: At least one.
    :param negatives: Hard negatives, best ranked first; there may be none.
    :param known: Ids of every document known to answer the query.
    """

    id: str
    dataset: str
    query: ModelInput
    positives: tuple[Document, ...]
    negatives: tuple[Document, ...]
    known: frozenset[str]

    def chosen(self, negatives: int, seed: int, epoch: int) -> Example:
        """The same with at most so many negatives, others in another epoch; none is ever made up."""
        if len(self.negatives) <= negatives:
            return self
        order = sorted(
            self.negatives, key=lambda one: (keyed_hash(seed, f"negatives/{epoch}", f"{self.id}/{one.id}"), one.id)
        )
        taken = {one.id for one in order[:negatives]}
        kept = tuple(one for one in self.negatives if one.id in taken)
        return Example(self.id, self.dataset, self.query, self.positives, kept, self.known)

    def listed(self) -> NamedIds:
        """The ids alone."""
        positives, negatives = (tuple(one.id for one in documents) for documents in (self.positives, self.negatives))
        return NamedIds(self.id, positives, negatives, self.known)


def read_example(row: Row | Example) -> Example:
    """A joined row of ``triplets``, ``mixture`` or ``feedback``; an example is one already.

    :raises LawError: If a document is positive and negative at once, is empty, or the row has no positive.
    """
    if isinstance(row, Example):
        return row
    name = f"{row['dataset']}/{row['query_id']}"
    query = _side(row["query"], name, "query", row.get("instruction", ""))
    if "candidates" in row:
        documents = {one["doc_id"]: one for one in row["candidates"]}
        positive_ids = list(row["positive_ids"])
        # What a recipe passes over although the model was right with it answers the query all the same.
        known = frozenset([*positive_ids, *(name for name, one in documents.items() if one["correct"])])
        positives = _documents(positive_ids, _found(positive_ids, documents, name), name, "positive")
        negatives = _documents(row["negative_ids"], _found(row["negative_ids"], documents, name), name, "negative")
    else:
        known = frozenset([row["positive_id"], *(one["doc_id"] for one in row["positives"])])
        positives = _documents([row["positive_id"]], [row["positive"]], name, "positive")
        negatives = _documents(row["negative_ids"], row["negatives"], name, "negative")
    if not positives:
        raise LawError(f"row {name} has no positive")
    if wrong := known & {one.id for one in negatives}:
        raise LawError(f"row {name}: document {min(wrong)} is both its positive and its negative")
    return Example(row["query_id"], row["dataset"], query, positives, negatives, known)


def _found(ids: Sequence[str], documents: Mapping[str, Row], name: str) -> list[Row]:
    if lost := [one for one in ids if one not in documents]:
        raise LawError(f"row {name}: document {lost[0]} is none of its candidates")
    return [documents[one] for one in ids]


def _documents(ids: Sequence[str], sides: Sequence[Row], name: str, what: str) -> tuple[Document, ...]:
    return tuple(Document(one, _side(side, name, f"{what} {one}")) for one, side in zip(ids, sides, strict=True))


def _side(side: Row, name: str, what: str, instruction: str | None = None) -> ModelInput:
    if not side["text"].strip():
        raise LawError(f"row {name}: {what} is empty")
    if instruction is None:
        return ModelInput(side["text"], tuple(side["images"]))
    return ModelInput(side["text"], tuple(side["images"]), "query", instruction)

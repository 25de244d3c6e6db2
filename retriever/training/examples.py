"""Training examples from the joined rows of ``nyxqa.load``."""

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
    content: ModelInput


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

    def sampled(self, negatives: int, seed: int, epoch: int) -> Example:
        """A copy with at most ``negatives`` negatives, drawn by keyed hash for each epoch; never padded."""
        if len(self.negatives) <= negatives:
            return self
        order = sorted(
            self.negatives, key=lambda one: (keyed_hash(seed, f"negatives/{epoch}", f"{self.id}/{one.id}"), one.id)
        )
        taken = {one.id for one in order[:negatives]}
        sampled = tuple(one for one in self.negatives if one.id in taken)
        return Example(self.id, self.dataset, self.query, self.positives, sampled, self.known)

    def ids(self) -> NamedIds:
        """The ids only."""
        positives, negatives = (tuple(one.id for one in documents) for documents in (self.positives, self.negatives))
        return NamedIds(self.id, positives, negatives, self.known)


def read_example(row: Row | Example) -> Example:
    """A joined row of ``triplets``, ``mixture`` or ``feedback``; an ``Example`` is returned unchanged.

    :raises LawError: If a document is both positive and negative, is empty, or the row has no positive.
    """
    if isinstance(row, Example):
        return row
    name = f"{row['dataset']}/{row['query_id']}"
    query = _content(row["query"], name, "query", row.get("instruction", ""))
    if "candidates" in row:
        documents = {one["doc_id"]: one for one in row["candidates"]}
        positive_ids = list(row["positive_ids"])
        # A candidate with a correct answer is known to answer the query, even if the recipe makes it no positive.
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
    if unknown := [one for one in ids if one not in documents]:
        raise LawError(f"row {name}: document {unknown[0]} is not one of its candidates")
    return [documents[one] for one in ids]


def _documents(ids: Sequence[str], contents: Sequence[Row], name: str, what: str) -> tuple[Document, ...]:
    return tuple(
        Document(one, _content(content, name, f"{what} {one}")) for one, content in zip(ids, contents, strict=True)
    )


def _content(content: Row, name: str, what: str, instruction: str | None = None) -> ModelInput:
    if not content["text"].strip():
        raise LawError(f"row {name}: {what} is empty")
    if instruction is None:
        return ModelInput(content["text"], tuple(content["images"]))
    return ModelInput(content["text"], tuple(content["images"]), "query", instruction)

"""The documents of one question, each read from its pool once, and their columns in a working row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from nyxqa.builders.question_sets.passage_pool import PassagePool, PooledPassage


class Found(Protocol):
    """A chosen document; rank and score are None if it was not retrieved."""

    @property
    def id(self) -> str:
        """Its ``doc_id``."""
        ...

    @property
    def rank(self) -> int | None:
        """Its rank, from 1."""
        ...

    @property
    def score(self) -> float | None:
        """Its score."""
        ...

    @property
    def origin(self) -> str:
        """How it is known."""
        ...


class PoolPassages:
    """Documents of one question, each read from disk once."""

    def __init__(self, pool: PassagePool) -> None:
        self._pool = pool
        self._read: dict[int, PooledPassage] = {}

    def get(self, row: int) -> PooledPassage:
        """The document of a row."""
        if row not in self._read:
            self._read[row] = self._pool[row]
        return self._read[row]

    def by_id(self, doc_id: str) -> PooledPassage:
        """A document that was read before."""
        return self._read[self.rows()[doc_id]]

    def text_of(self, doc_id: str) -> str:
        """Text of a document that was read before."""
        return self.by_id(doc_id).text

    def rows(self) -> dict[str, int]:
        """Rows of the documents that were read, by id."""
        return {passage.id: row for row, passage in self._read.items()}


def document_columns(found: Sequence[Found], passages: PoolPassages) -> list[dict[str, Any]]:
    """Column ``documents``: where in the pool they are."""
    rows = passages.rows()
    return [{"doc_id": one.id, "row": rows[one.id], "text": "", "images": []} for one in found]


def positive_column(one: Found) -> dict[str, Any]:
    """An element of column ``positives``."""
    return {"doc_id": one.id, "rank": one.rank, "score": one.score, "origin": one.origin}

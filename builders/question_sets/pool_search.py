"""What is found in the pool of a question set: the first documents of each question, and their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.compute as pc

from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.question_sets.passage_pool import PassagePool, PooledPassage
from nyxqa.retriever.encoders.factory import open_index
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.ids import query_id
from nyxqa.schemas.loading.id_index import IdTable

_EXAMPLE = "example:"
_SOURCE = "scienceqa"


def search_entry(
    key: str, text: str, images: Sequence[Mapping[str, Any]], reader: PackReader | None, instruction: str = ""
) -> SearchEntry:
    """A document or question as an encoder takes it.

    :param images: Images as rows hold them; their captions are always given.
    :param reader: Where their bytes are; None for an encoder that needs none.
    """
    captions = tuple(image["caption"] for image in images)
    found = tuple(reader.read(image) for image in images) if reader is not None else ()
    return SearchEntry(key, text, captions, found, instruction)


def search_pool(
    spec: str, index: Path, pool: PassagePool, dataset: str, entries: Sequence[SearchEntry], most: int
) -> list[list[tuple[int, float]]]:
    """Row in the pool and score of the first ``most`` documents of each question, best first.

    A document that was made of the question itself is left out.

    :param spec: The encoder that made the index.
    :param index: Folder of the index.
    :param dataset: Name of the set.
    :param entries: The questions, by their query ids.
    """
    if not entries:
        return []
    hits = open_index(spec, index).search(entries, most + 1)
    return [
        [
            (row, score)
            for row, score in zip(rows, scores, strict=True)
            if row >= 0 and not is_own_document(dataset, entry.id, pool[row])
        ][:most]
        for entry, rows, scores in zip(entries, hits.rows.tolist(), hits.scores.tolist(), strict=True)
    ]


class Sourced(Protocol):
    """What tells where a document comes from."""

    @property
    def source(self) -> str:
        """Kind of its source."""
        ...

    @property
    def external_id(self) -> str:
        """Its id in the source."""
        ...


def is_own_document(dataset: str, query: str, document: Sourced) -> bool:
    """Whether a document is the example of ScienceQA that was made of the question itself.

    :param query: The question's ``query_id``.
    """
    return query in own_queries(dataset, document)


def own_queries(dataset: str, document: Sourced) -> tuple[str, ...]:
    """Ids that the question has of which a document was made; none if it was made of none."""
    if document.source != _SOURCE or not document.external_id.startswith(_EXAMPLE):
        return ()
    own = document.external_id.removeprefix(_EXAMPLE)
    # A problem of the Hub's files has no id but its row number.
    return (query_id(dataset, own), *([query_id(dataset, int(own))] if own.isdecimal() else []))


def own_rows(documents: IdTable) -> list[int]:
    """Rows of the published documents that were made of a question, ascending."""
    table = documents.table
    made = pc.and_kleene(
        pc.equal(table.column("source"), _SOURCE), pc.starts_with(table.column("external_id"), pattern=_EXAMPLE)
    )
    found: list[int] = np.flatnonzero(pc.fill_null(made, False).to_numpy(zero_copy_only=False)).tolist()
    return found


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

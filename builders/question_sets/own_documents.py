"""Documents that were made of a question itself, which that question must not find."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow.compute as pc

from nyxqa.schemas.ids import query_id
from nyxqa.schemas.loading.id_index import IdTable

_EXAMPLE = "example:"
_SOURCE = "scienceqa"


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

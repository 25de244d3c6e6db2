"""Documents that were made of a question itself, which that question must not find."""

from __future__ import annotations

from typing import Protocol

from nyxqa.schemas.ids import query_id

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
    if document.source != _SOURCE or not document.external_id.startswith(_EXAMPLE):
        return False
    own = document.external_id.removeprefix(_EXAMPLE)
    # A problem of the Hub's files has no id but its row number.
    return query in (query_id(dataset, own), query_id(dataset, int(own)) if own.isdecimal() else "")

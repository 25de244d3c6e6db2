"""Join on access: the format transform that replaces the references of a joined row by contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.loading.document_lookup import DocumentLookup
from nyxqa.schemas.loading.joined_content import image_bytes, joined_content, open_image

_SINGLE = ("query", "positive", "document")
_LISTED = ("negatives", "candidates")
_OWN = "images"
CONTENTS = (*_SINGLE, *_LISTED, _OWN)
CUT = ("negatives", "negative_ids", "negative_ranks", "negative_scores")
KEYS = ("query_id", "qa_id")
_FOLLOWING = ("mixture", "feedback")  # tables whose rows name a triplet by its query_id


class _References:
    """The references of a batch in order, with the position of each."""

    def __init__(self) -> None:
        self.positions: list[tuple[list[Any], int]] = []
        self.doc_ids: list[str] = []
        self.pools: list[str | None] = []
        self.rows: list[str] = []

    def add(self, values: list[Any], at: int, row: str) -> None:
        """Add the reference at one position of a list, and the name of its row."""
        self.positions.append((values, at))
        self.doc_ids.append(values[at]["doc_id"])
        self.pools.append(values[at]["pool"])
        self.rows.append(row)


class Joiner:
    """The transform from a batch in the joined layout to a batch of joined rows.

    A value that is not a reference is passed on, so rows that ``map`` has written are read like any others. All
    documents of a batch are looked up at once.

    :param table: Name of the table, for errors.
    :param documents: Where contents are looked up.
    :param max_negatives: Maximum number of negatives of a row; None for all.
    """

    def __init__(self, table: str, documents: DocumentLookup, max_negatives: int | None) -> None:
        self.table = table
        self.documents = documents
        self.max_negatives = max_negatives

    def __reduce__(self) -> tuple[Any, ...]:
        return Joiner, (self.table, self.documents, self.max_negatives)

    def __deepcopy__(self, memo: dict[int, Any]) -> Joiner:
        return self

    def __call__(self, batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """The joined columns; they do not depend on each other, so any of them may have been removed."""
        rows = self._row_names(batch)
        out = dict(batch)
        if self.max_negatives is not None:
            out.update({name: [self._cut(value) for value in out[name]] for name in CUT if name in out})
        references = _References()
        for name, values in out.items():
            if name in _SINGLE:
                out[name] = self._sides(values, rows, references)
            elif name in _LISTED:
                out[name] = [
                    self._sides(value, repeat(row), references) if isinstance(value, list) else value
                    for value, row in zip(values, rows, strict=True)
                ]
            elif name == _OWN:
                out[name] = [self._own_images(value, row) for value, row in zip(values, rows, strict=True)]
        contents = self.documents.find(references.doc_ids, references.pools, references.rows.__getitem__)
        for (values, at), content in zip(references.positions, contents, strict=True):
            further = _further(values[at])
            values[at] = {**content, **further} if further else content
        return out

    def _sides(self, values: list[Any], rows: Iterable[str], references: _References) -> list[Any]:
        """The values in their joined form, except references, which are added to ``references`` for the look-up."""
        values = list(values)
        for at, (value, row) in enumerate(zip(values, rows, strict=False)):
            if not isinstance(value, dict):
                continue
            if value.get("text") is None and value.get("doc_id") is not None:
                references.add(values, at, row)
            else:
                values[at] = self._present(value, row)
        return values

    def row_name(self, key: Any) -> str:
        """Name of a row in errors, by its key; the key is None if its column was removed."""
        return f"of {self.table}" if key is None else f"{self.table}/{key}"

    def _row_names(self, batch: Mapping[str, list[Any]]) -> list[str]:
        keys = next((batch[key] for key in KEYS if key in batch), None)
        return [self.row_name(key) for key in keys or [None] * len(next(iter(batch.values()), []))]

    def _cut(self, value: Any) -> Any:
        return value[: self.max_negatives] if isinstance(value, list) else value

    def _present(self, value: dict[str, Any], row: str) -> Any:
        """A side that is not a reference, joined; images of a query may have to be looked up."""
        if value.get("text") is None:
            return value
        if value["images"] is None and "query_id" in value:
            images = self.documents.query_images(value["query_id"])
        else:
            images = self._own_images(value["images"], row)
        return {**joined_content(value["text"], images, row), **_further(value)}

    def _own_images(self, images: list[Any] | None, row: str) -> list[Any]:
        try:
            stored = [image_bytes(image) if isinstance(image, dict) else image for image in images or []]
        except WorldError as error:
            raise WorldError(f"row {row}: {error}") from error
        if self.documents.images != "decode":
            return stored
        return [open_image(one, f"row {row}") if isinstance(one, bytes) else one for one in stored]


def one_join(joins: Sequence[Joiner]) -> Joiner:
    """A join for rows of all of them.

    :raises UsageError: If they give images or negatives differently, or rows of one could be taken for another's.
    """
    first = joins[0]
    ways = {(join.documents.images, join.max_negatives) for join in joins}
    if len(ways) > 1:
        raise UsageError("joined rows are concatenated if all were loaded with the same images= and max_negatives=")
    if all(join.documents.same_dataset(first.documents) for join in joins):
        return first
    if any(join.table in _FOLLOWING for join in joins):
        raise UsageError(
            f"rows of {' and '.join(_FOLLOWING)} of several datasets are not concatenated while they are joined on "
            "access: load them with nyxqa.load(..., join='whole')"
        )
    documents = first.documents.with_others([join.documents for join in joins[1:]])
    return Joiner(first.table, documents, first.max_negatives)


def _further(value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a candidate besides its content: id, rank and scores."""
    if "rank" not in value:
        return {}
    return {name: item for name, item in value.items() if name not in ("text", "images", "pool")}

"""Joining on access: the format transform that puts contents where a joined row holds references."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from nyxqa.schemas.documents import Documents
from nyxqa.schemas.sides import Side, bytes_of, open_image, side

_SIDES = ("query", "positive", "document")
_SIDE_LISTS = ("negatives", "candidates")
_CUT = ("negatives", "negative_ids", "negative_ranks", "negative_scores")
_KEYS = ("query_id", "qa_id")


class Joiner:
    """The transform: a batch as the joined layout stores it in, a batch of joined rows out.

    A value that is no reference is passed on, so rows that ``map`` has written are read like any others. All documents
    of a batch are looked up at once.

    :param table: Name of the table, for errors.
    :param documents: Where contents are looked up.
    :param max_negatives: How many negatives a row keeps; all if None.
    """

    def __init__(self, table: str, documents: Documents, max_negatives: int | None) -> None:
        self.table = table
        self.documents = documents
        self.max_negatives = max_negatives

    def __reduce__(self) -> tuple[Any, ...]:
        return Joiner, (self.table, self.documents, self.max_negatives)

    def __deepcopy__(self, memo: dict[int, Any]) -> Joiner:
        return self

    def __call__(self, batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """The joined columns; each needs no other column, so any of them may have been removed."""
        rows = self._row_names(batch)
        out = dict(batch)
        if self.max_negatives is not None:
            out.update({name: [self._cut(value) for value in out[name]] for name in _CUT if name in out})
        found = iter(self._found(out, rows))
        for name, values in out.items():
            named = zip(values, rows, strict=True)
            if name in _SIDES:
                out[name] = [self._side(value, row, found) for value, row in named]
            elif name in _SIDE_LISTS:
                out[name] = [
                    [self._side(one, row, found) for one in value] if isinstance(value, list) else value
                    for value, row in named
                ]
            elif name == "images":
                out[name] = [self._own_images(value, row) for value, row in named]
        return out

    def _found(self, batch: Mapping[str, list[Any]], rows: list[str]) -> list[Side]:
        """Contents of all references of the batch, column by column and row by row."""
        references = [
            (one["doc_id"], one["pool"], row)
            for name, values in batch.items()
            if name in _SIDES or name in _SIDE_LISTS
            for value, row in zip(values, rows, strict=True)
            for one in (value if isinstance(value, list) else (value,))
            if _is_reference(one)
        ]
        if not references:
            return []
        doc_ids, pools, names = zip(*references, strict=True)
        return self.documents.find(doc_ids, pools, names)

    def _row_names(self, batch: Mapping[str, list[Any]]) -> list[str]:
        key = next((key for key in _KEYS if key in batch), None)
        if key is not None:
            return [f"{self.table}/{value}" for value in batch[key]]
        return [f"of {self.table}"] * len(next(iter(batch.values()), []))

    def _cut(self, value: Any) -> Any:
        return value[: self.max_negatives] if isinstance(value, list) else value

    def _side(self, value: Any, row: str, found: Iterator[Side]) -> Any:
        """What stands in place of one value: the next content if it is a reference."""
        if not _is_reference(value):
            return self._present(value, row)
        return {**next(found), **_further(value)} if "rank" in value else next(found)

    def _present(self, value: Any, row: str) -> Any:
        """A side whose text is there; images of a query may still have to be fetched."""
        if not isinstance(value, dict) or "text" not in value or value["text"] is None:
            return value
        if value["images"] is None and "query_id" in value:
            images = self.documents.query_images(value["query_id"])
        else:
            images = self._own_images(value["images"], row)
        return {**side(value["text"], images, f"row {row}"), **_further(value)}

    def _own_images(self, images: list[Any] | None, row: str) -> list[Any]:
        stored = [bytes_of(image) if isinstance(image, dict) else image for image in images or []]
        if self.documents.images != "decode":
            return stored
        return [open_image(io.BytesIO(one), f"row {row}") if isinstance(one, bytes) else one for one in stored]


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and value.get("doc_id") is not None and value.get("text") is None


def _further(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a candidate carries besides its content: id, rank and scores."""
    if "rank" not in value:
        return {}
    return {name: item for name, item in value.items() if name not in ("text", "images", "pool")}

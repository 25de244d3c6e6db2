"""Iterate over joined rows and batches in order, without Python objects for their references."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from datasets import Dataset, IterableDataset

from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.loading.join import Joiner
from nyxqa.schemas.loading.joined_columns import joined_columns

# Rows looked up at once: references are small, and Arrow and the look-up have a cost for each batch.
_REFERENCES = 256


class JoinedDataset(Dataset):  # type: ignore[misc]
    """A ``Dataset`` that, read in order, looks rows up a few hundred at a time and reads contents one by one.

    ``select``, ``shuffle`` and the like return a plain ``Dataset`` of the same rows.
    """

    def __iter__(self) -> Iterator[Any]:
        """The rows in order."""
        join = self._join
        if join is None:
            yield from super().__iter__()
            return
        for columns in self._columns(join, _REFERENCES):
            for values in zip(*columns.values(), strict=True):
                yield dict(zip(columns, values, strict=True))

    def iter(self, batch_size: int, drop_last_batch: bool = False) -> Iterator[Any]:
        """Batches of rows in order, as ``Dataset.iter`` returns them."""
        join = self._join
        if join is None:
            yield from super().iter(batch_size, drop_last_batch)
            return
        batches = len(self) // batch_size if drop_last_batch else -(-len(self) // batch_size)
        at_once = max(1, _REFERENCES // batch_size)
        for columns in self._columns(join, at_once * batch_size):
            for _ in range(min(at_once, batches)):
                yield {name: list(islice(column, batch_size)) for name, column in columns.items()}
            batches -= at_once

    def save_to_disk(self, *arguments: Any, **options: Any) -> None:
        """As ``Dataset.save_to_disk``, for stored references only.

        :raises UsageError: If rows are joined.
        """
        self._refuse_if_joined("saved to disk")
        super().save_to_disk(*arguments, **options)

    def to_iterable_dataset(self, *arguments: Any, **options: Any) -> IterableDataset:
        """As ``Dataset.to_iterable_dataset``, for stored references only.

        :raises UsageError: If rows are joined.
        """
        self._refuse_if_joined("converted to a stream")
        return super().to_iterable_dataset(*arguments, **options)

    def _refuse_if_joined(self, what: str) -> None:
        if isinstance(self.format["format_kwargs"].get("transform"), Joiner):
            raise UsageError(
                f"rows that are joined on access cannot be {what}: write them with nyxqa export --to shards, "
                "or use the stored references with .with_format(None)"
            )

    def _columns(self, join: Joiner, rows: int) -> Iterator[dict[str, Iterator[Any]]]:
        """The columns of ``rows`` rows at a time; documents are read while a column is iterated over."""
        for stored in self.with_format("arrow", columns=self.format["columns"]).iter(rows):
            yield {name: iter(column) for name, column in joined_columns(stored, join).items()}

    @property
    def _join(self) -> Joiner | None:
        """The transform, if it is a join and rows have no columns beside those that it gets."""
        form = self.format
        join = form["format_kwargs"].get("transform") if form["type"] == "custom" else None
        return join if isinstance(join, Joiner) and not form["output_all_columns"] else None

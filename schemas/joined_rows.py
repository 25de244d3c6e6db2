"""Joined rows one by one at the cost of joined batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datasets import Dataset

from nyxqa.schemas.joining import Joiner

# Rows joined at a time where they are asked for one by one: a single row costs datasets and the join as much as eight.
_BLOCK = 8


class JoinedRows(Dataset):  # type: ignore[misc]
    """A ``Dataset`` whose rows, read one after the other in their order, are looked up a few at a time.

    What ``select``, ``shuffle`` and the like make of it is a plain ``Dataset`` of the same rows.
    """

    def __iter__(self) -> Iterator[Any]:
        """The rows in their order."""
        form = self.format
        joined = form["type"] == "custom" and isinstance(form["format_kwargs"]["transform"], Joiner)
        if not joined or form["output_all_columns"]:
            yield from super().__iter__()
            return
        for batch in self.iter(_BLOCK):
            names = list(batch)
            for values in zip(*batch.values(), strict=True):
                yield dict(zip(names, values, strict=True))

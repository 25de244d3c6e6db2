"""One row of a file or dataset, whatever its container; readers yield it, or a ``Drop`` where a row is malformed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.schemas.errors import WorldError


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source.

    :param source: File name or dataset name.
    :param number: Counted from 0; malformed rows count, blank lines do not.
    :param values: The row's cells by column.
    """

    source: str
    number: int
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The row's id in the ledger until it gets one of its own."""
        return row_name(self.source, self.number)

    def need(self, *columns: str) -> Any:
        """Return the value of the first of ``columns`` that the row has.

        :raises WorldError: If the row has none of the columns; the message names file, row and columns.
        """
        for column in columns:
            if column in self.values:
                return self.values[column]
        wanted = " or ".join(repr(column) for column in columns)
        present = ", ".join(map(repr, self.values)) or "no columns"
        raise WorldError(
            f"{self.source}, row {self.number}: column {wanted} is missing; the row has {present}; "
            "check that the file is of the kind that the recipe names"
        )

    def drop(self, reason: str, detail: str = "") -> Drop:
        """Return the ledger entry that drops this row."""
        return Drop("row", self.name, "", reason, detail)


def row_name(source: str, number: int) -> str:
    """Return the ledger id of row ``number`` of ``source``."""
    return f"{source}:{number}"


def row_number(name: str) -> int:
    """Return the number of the row that ``row_name`` gave this name."""
    return int(name.rpartition(":")[2])


def malformed(source: str, number: int, reason: str, detail: str) -> Drop:
    """Return the ledger entry of a row that could not be read."""
    return Drop("row", row_name(source, number), "", reason, detail)

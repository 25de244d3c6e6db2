"""Tables as text."""

from __future__ import annotations

from collections.abc import Sequence

from nyxqa.schemas.content import PLACEHOLDER


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in the layout of Markdown; cells are kept as they are, on one line.

    Short rows are filled with empty cells, and columns without a header get an empty one.
    """
    from tabulate import tabulate

    width = max([len(header), *map(len, rows)], default=0)
    body = [[_cell(value) for value in row] + [""] * (width - len(row)) for row in rows]
    head = [_cell(value) for value in header] + [""] * (width - len(header))
    return str(tabulate(body, headers=head, tablefmt="pipe", disable_numparse=True, colalign=["left"] * width))


def _cell(value: str) -> str:
    return " ".join(value.replace(PLACEHOLDER, " ").split()).replace("|", "\\|")

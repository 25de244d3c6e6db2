"""Rows of a data table as lines, each cell in its column."""

from __future__ import annotations

from nyxqa.builders.sources.html_tree import Tree

_LAYOUT = ("table", "img", "pre", "h1", "h2", "h3")  # a table with one of these inside is not data
_LONG_CELL = 1500  # characters; a longer cell is a column of a page
_MOST_COLUMNS = 100  # that a cell may span


def is_data(tree: Tree, table: int) -> bool:
    """Whether each row of a table is read as one line, not each cell as blocks of its own."""
    if tree.get(table, "role") in ("presentation", "none") or tree.find(table, *_LAYOUT) is not None:
        return False
    tags, length, cell_end = tree.tags, 0, 0
    for node in range(table, tree.ends[table]):
        if tags[node] in ("td", "th") and node >= cell_end:
            length, cell_end = 0, tree.ends[node]
        length += len(tree.texts[node])
        if length > _LONG_CELL:
            return False
    return True


class Rows:
    """Puts the cells of one table under one another."""

    def __init__(self) -> None:
        self._cells: list[str] = []
        self._spans: dict[int, int] = {}  # rows that a cell above still reaches into, by column
        self.column = 0

    def start_row(self) -> None:
        """Begin a row."""
        self._cells, self.column = [], 0

    def add(self, text: str, colspan: str, rowspan: str) -> None:
        """Add a cell.

        :param colspan: The attribute, as written on the page.
        :param rowspan: Likewise.
        """
        self._skip_spanned()
        columns, rows = (_number(span) for span in (colspan, rowspan))
        if rows > 1:
            self._spans.update((self.column + extra, rows - 1) for extra in range(columns))
        self._cells += [text, *[""] * (columns - 1)]
        self.column += columns

    def end_row(self) -> str:
        """Return the row; "" if all of its cells are empty."""
        self._skip_spanned()
        while self._cells and not self._cells[-1]:
            self._cells.pop()
        return " | ".join(self._cells)

    def _skip_spanned(self) -> None:
        while self._spans.get(self.column, 0) > 0:
            self._spans[self.column] -= 1
            self._cells.append("")
            self.column += 1


def _number(span: str) -> int:
    return max(1, min(int(span), _MOST_COLUMNS)) if span.strip().isascii() and span.strip().isdigit() else 1

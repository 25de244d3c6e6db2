"""Tables, lists and numbers as text for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence


def text_table(
    head: Sequence[str], rows: Sequence[Sequence[object]], numbers: Collection[int], indent: str = ""
) -> list[str]:
    """Lines of aligned cells, two spaces between columns, the first one being ``head``.

    :param numbers: Columns that are aligned to the right.
    """
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return [
        indent
        + "  ".join(
            text.rjust(width) if column in numbers else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def listed(counts: Mapping[str, int]) -> str:
    """Names with their counts, in the order given; ``none`` if there are no names."""
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def shortened(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, with three dots in place of what was cut off."""
    return text if len(text) <= width else text[: width - 3] + "..."


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 page``, ``2,000 pages``.

    :param plural: The plural of the noun if that is not the noun and an s.
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"

"""Lists of contents: entries with a row of dots between the title and the number of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nyxqa.builders.sources.pdf.lines import Line

_FEWEST = 3  # entries
_BETWEEN = 3  # lines without dots between two entries
_DOTS = re.compile(r"\s*(?:[.\u00b7\u2026]\s?){4,}\s*")
_ENTRY = re.compile(r"(?:[.\u00b7\u2026]\s?){4,}\s*(?:[\w.-]{1,8})?$")
_NUMBER = re.compile(r"\s[\dA-Zivxlc.-]{1,8}$")


def listed(lines: Sequence[Line]) -> Iterator[tuple[Sequence[Line], bool]]:
    """The lines of a region in pieces, each with whether it is a list of contents."""
    entries = [index for index, line in enumerate(lines) if _ENTRY.search(line.text)]
    begin = 0
    while entries:
        last = next(
            (place for place in range(1, len(entries)) if entries[place] - entries[place - 1] > _BETWEEN + 1),
            len(entries),
        )
        first, end = entries[0], entries[last - 1] + 1
        if last >= _FEWEST:
            while first > begin and _NUMBER.search(lines[first - 1].text) and not _far(lines[first - 1], lines[first]):
                first -= 1  # titles of chapters have no dots
            if first > begin:
                yield lines[begin:first], False
            yield lines[first:end], True
            begin = end
        entries = entries[last:]
    if begin < len(lines):
        yield lines[begin:], False


def _far(line: Line, later: Line) -> bool:
    return later.baseline - line.baseline > 3 * later.size


def contents_text(lines: Sequence[Line]) -> str:
    """The entries, one a line: title and page."""
    entries, pending = [], ""
    for line in lines:
        pending = f"{pending} {line.text}" if pending else line.text
        if _ENTRY.search(line.text) or _NUMBER.search(line.text):
            entries.append(_DOTS.sub(" ", pending).strip())
            pending = ""
    return "\n".join([*entries, pending] if pending else entries)

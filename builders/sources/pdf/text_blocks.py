"""The words of a sheet as blocks in reading order, each with what it is."""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nyxqa.builders.sources.cleaning import is_caption
from nyxqa.builders.sources.pdf.aligned import divided
from nyxqa.builders.sources.pdf.columns import in_columns
from nyxqa.builders.sources.pdf.geometry import Box, union
from nyxqa.builders.sources.pdf.lines import Line, body_size
from nyxqa.builders.sources.pdf.metadata import bare_title
from nyxqa.builders.sources.pdf.paragraphs import Block, paragraphs
from nyxqa.builders.sources.pdf.scripts import is_cjk
from nyxqa.builders.sources.pdf.sheet import Sheet
from nyxqa.builders.sources.pdf.tables import Table
from nyxqa.builders.sources.pdf.words import Word

_HEADING = 1.15  # times the size of the text
_LONGEST_HEADING = 200  # characters
_ACROSS = 0.6  # share of the text's width that a figure across columns has
_LONGEST_BOLD = 100  # characters of a heading that is bold and not larger than the text
_SENTENCE = re.compile("[.,;:\u3002\uff0c]$")
_ENDS_NO_HEADING = re.compile(r"[.,;:]$")

_FEWEST = 3  # entries
_BETWEEN = 3  # lines without dots between two entries
_DOTS = re.compile(r"\s*(?:[.\u00b7\u2026]\s?){4,}\s*")
_ENTRY = re.compile(r"(?:[.\u00b7\u2026]\s?){4,}\s*(?:[\w.-]{1,8})?$")
_NUMBER = re.compile(r"\s[\dA-Zivxlc.-]{1,8}$")


@dataclass(slots=True)
class Shared:
    """What the sheets of a file share.

    :param vocabulary: Words of the file, by which a hyphen at a line end is kept or not.
    :param titles: For each sheet the headings of the outline.
    :param body: Size of the text.
    """

    vocabulary: Counter[str] = field(default_factory=Counter)
    titles: dict[int, set[str]] = field(default_factory=dict)
    body: float = 10.0


def text_blocks(sheet: Sheet, words: Sequence[Word], shared: Shared, between: Sequence[Box] = ()) -> list[Block]:
    """The blocks of some words of a sheet in reading order; places are those of the displayed sheet.

    :param between: Boxes of figures and tables, with the text upright; columns end above one that is across them.
    """
    blocks: list[Block] = []
    bands = _bands([word for word in words if word.turn == 0], between)
    for region in (region for band in bands for region in in_columns(band)):
        for lines, contents in listed(region):
            if contents:
                place = sheet.number, union(line.box for line in lines)
                blocks.append(Block(contents_text(lines), [place], body_size(words), "contents"))
                continue
            for piece, table in divided(lines, shared.vocabulary):
                if table is not None:
                    blocks.append(Block(table.text, [(sheet.number, table.box)], body_size(words), "table"))
                blocks += paragraphs(piece, sheet.number, shared.vocabulary)
    for turn in (1, 2, 3):
        aside = [word.text for word in words if word.turn == turn]
        boxes = [(sheet.number, word.box) for word in words if word.turn == turn]
        if aside:
            blocks.append(Block(" ".join(aside), boxes, body_size(words)))
    for block in blocks:
        if block.role == "text":
            block.role = _role(block, shared.titles.get(sheet.number, set()), shared.body)
        block.places = [(number, sheet.displayed(box)) for number, box in block.places]
        block.lines = []  # the words of thousands of sheets are not kept
    return blocks


def _bands(words: list[Word], between: Sequence[Box]) -> list[list[Word]]:
    """The words above, between and below boxes that are about as wide as the text."""
    if not words:
        return []
    text = union(word.box for word in words)
    places = sorted(
        (box.top + box.bottom) / 2
        for box in between
        if box.within(text).width >= _ACROSS * text.width and box.height < 0.9 * text.height
    )
    bands: list[list[Word]] = [[] for _ in range(len(places) + 1)]
    for word in words:
        bands[bisect(places, (word.box.top + word.box.bottom) / 2)].append(word)
    return [band for band in bands if band]


def _role(block: Block, titles: set[str], body: float) -> str:
    if is_caption(block.text):
        return "caption"
    length = sum(3 if is_cjk(one) else 1 for one in block.text)
    if length > _LONGEST_HEADING or not any(one.isalpha() for one in block.text):
        return "text"
    if len(block.lines) > 1 and _SENTENCE.search(block.text):
        return "text"
    large = block.size > _HEADING * body and len(block.lines) <= 3
    bold = (
        len(block.lines) == 1
        and block.lines[0].is_bold
        and block.size > 0.97 * body
        and len(block.text) <= _LONGEST_BOLD
        and not _ENDS_NO_HEADING.search(block.text)
    )
    return "heading" if large or bold or bare_title(block.text) in titles else "text"


def with_tables(sheet: Sheet, blocks: list[Block], found: Sequence[Table]) -> list[Block]:
    """The blocks with the tables of the sheet at their places."""
    for table in found:
        box = sheet.displayed(table.box)
        blocks.insert(place_of(box, blocks), Block(table.text, [(sheet.number, box)], 0.0, "table"))
    return blocks


def place_of(box: Box, blocks: Sequence[Block]) -> int:
    """Index of the block before which a table or a picture without a caption goes."""
    places = [block.places[0][1] for block in blocks]
    beside = [index for index, place in enumerate(places) if place.left < box.right and box.left < place.right]
    above = [index for index in beside if places[index].top < box.top]
    if above:
        after = max(above) + 1
        # Short lines that start left of it, and end there, are above it too.
        while after < len(places) and places[after].bottom <= box.top + 2 and places[after].left < box.right:
            after += 1
        return after
    below = [index for index, place in enumerate(places) if place.top >= box.top]
    return min(set(below) & set(beside) or below, default=len(blocks))


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

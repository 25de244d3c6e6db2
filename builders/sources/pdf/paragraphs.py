"""Lines of one column as paragraphs, words that a line end divides, and paragraphs that a column or sheet divides."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from nyxqa.builders.sources.pdf.geometry import Box, union
from nyxqa.builders.sources.pdf.lines import Line
from nyxqa.builders.sources.pdf.scripts import FIRST_OTHER, is_right_to_left, joint

_WIDE = 1.4  # times the usual distance of baselines; a wider one ends a paragraph
_WIDEST_IN_LISTING = 2.7  # times the usual distance
_BLANK = 1.6  # times the usual distance, with a blank line between
_FEWEST_TYPED = 4  # words of a line that is a listing by itself
_SIZES_DIFFER = 0.14
ITEM = re.compile(r"[•◦‣▪■●○∙·\u2013\u2014*-]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)]|\[\d+\]", re.IGNORECASE)
_DIVIDED = re.compile(r"([^\W\d_]+)-$")
_LAST_LETTERS = re.compile(r"[^\W\d_]{2,}")
ENDS = re.compile("[.!?:;\u3002\uff01\uff1f\u2026][\"'\u201d\u2019)\\]]*$")
_WORD = 3  # letters
HYPHENS = "\u2010\u00ad"

_FARTHEST = 8  # blocks between the parts of a paragraph


@dataclass(slots=True)
class Block:
    """A paragraph, heading, listing, table, list of contents or figure in reading order.

    :param places: Sheet number and box of each piece.
    :param size: Size of the type; 0 of a figure.
    :param lines: Its lines, while the sheet is read; a file's blocks are kept without them.
    :param flows: Whether it may go on in another column or on the next sheet.
    """

    text: str
    places: list[tuple[int, Box]]
    size: float
    role: str = "text"
    picture: bytes | None = None
    caption: str = ""
    lines: list[Line] = field(default_factory=list)
    flows: bool = False


def paragraphs(lines: Sequence[Line], sheet: int, vocabulary: Counter[str]) -> list[Block]:
    """Paragraphs and listings of a region, from top to bottom.

    :param sheet: Its sheet's number.
    :param vocabulary: Words of the file, by which a hyphen at a line end is kept or not.
    """
    if not lines:
        return []
    steps = [later.baseline - line.baseline for line, later in pairwise(lines)]
    close = [step for line, step in zip(lines, steps, strict=False) if 0.5 * line.size < step < 2 * line.size]
    usual = median(close) if close else 1.3 * lines[0].size
    left, right = min(line.box.left for line in lines), max(line.box.right for line in lines)
    typed = _typed(lines, left)
    groups: list[list[Line]] = [[lines[0]]]
    kinds = [typed[0]]
    for index, step in enumerate(steps):
        line, later = lines[index], lines[index + 1]
        if typed[index] and typed[index + 1]:
            breaks = step > _WIDEST_IN_LISTING * usual
        else:
            breaks = typed[index] != typed[index + 1] or _breaks(groups[-1], line, later, step, usual, left)
        if breaks:
            groups.append([])
            kinds.append(typed[index + 1])
        groups[-1].append(later)
    return [
        _listing(group, sheet, usual) if kind else _block(group, sheet, right, vocabulary)
        for group, kind in zip(groups, kinds, strict=True)
    ]


def _typed(lines: Sequence[Line], left: float) -> list[bool]:
    """Which lines are of a listing: all letters are a typewriter's, and they do not go on a paragraph."""
    typed = [line.pitch > 0 for line in lines]
    for index, line in enumerate(lines):
        alone = typed[index] and not any(typed[max(index - 1, 0) : index]) and not any(typed[index + 1 : index + 2])
        if alone and index and line.box.left <= lines[index - 1].box.left + 1 and len(line.words) < _FEWEST_TYPED:
            typed[index] = line.baseline - lines[index - 1].baseline > _WIDE * line.size
    return typed


def _listing(group: list[Line], sheet: int, usual: float) -> Block:
    """Lines of a typewriter as they are: each with its indent and its columns."""
    left, pitch = min(line.box.left for line in group), median(line.pitch for line in group)
    rows: list[str] = []
    for index, line in enumerate(group):
        if index and line.baseline - group[index - 1].baseline > _BLANK * usual:
            rows.append("")
        row = ""
        for word in line.words:
            column = round((word.box.left - left) / pitch)
            row += " " * max(column - len(row), 1 if row else 0) + word.text
        rows.append(row)
    size = median(line.size for line in group)
    return Block("\n".join(rows), [(sheet, union(line.box for line in group))], size, "listing", lines=group)


def _breaks(group: Sequence[Line], line: Line, later: Line, step: float, usual: float, left: float) -> bool:
    """Whether a paragraph ends between two lines."""
    if step > _WIDE * usual or abs(later.size - line.size) > _SIZES_DIFFER * max(line.size, later.size):
        return True
    if ITEM.fullmatch(later.words[0].text) and len(later.words) > 1 and later.box.left <= group[0].box.left + 1:
        return True
    if line.is_bold != later.is_bold and len(group) == 1 and line.is_bold and line.box.right < later.box.right:
        return True
    indent = later.box.left - line.box.left
    return 0.8 * later.size < indent < 4 * later.size and len(group) > 1 and bool(ENDS.search(line.text))


def _block(group: list[Line], sheet: int, right: float, vocabulary: Counter[str]) -> Block:
    text = group[0].text
    for line, later in pairwise(group):
        # The writer ended a line where the next word would still have gone in.
        room = right - line.box.right - 0.3 * line.size - later.words[0].box.width
        from_right = is_right_to_left(line.text)
        text = joined(text, later.text, vocabulary, "\n" if room > 2 * line.size and not from_right else " ")
    size = median(line.size for line in group)
    return Block(text, [(sheet, union(line.box for line in group))], size, lines=group, flows=True)


def joined(text: str, later: str, vocabulary: Counter[str], between: str = " ") -> str:
    """Two lines as one text; a word that the line end divides is made whole."""
    if between == " " and (text[-1:] >= FIRST_OTHER or later[:1] >= FIRST_OTHER):
        between = joint(text, later)
    if text[-1:] in HYPHENS:
        text = text[:-1] + "-"
    head, tail = _DIVIDED.search(text), _LAST_LETTERS.match(later)
    if not head or not tail or not tail.group()[0].islower():
        return (
            text
            + ("" if text.endswith("-") and later[:1].isalnum() and len(text) > 1 and text[-2].isalnum() else between)
            + later
        )
    whole, hyphenated = head.group(1) + tail.group(), f"{head.group(1)}-{tail.group()}"
    seen = vocabulary[hyphenated.casefold()], vocabulary[whole.casefold()]
    # Neither is seen elsewhere: two words of the file that meet at a hyphen are a compound, parts of a word are not.
    compound = seen == (0, 0) and all(
        len(one) >= _WORD and vocabulary[one] > 0 for one in hyphenated.casefold().split("-")
    )
    keep = seen[0] > seen[1] or compound
    return (text if keep else text[:-1]) + later


def words_of(texts: Iterable[str]) -> Counter[str]:
    """How often each word, hyphenated ones included, occurs inside the lines ``texts``."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text.casefold()))
    return counts


def continued(blocks: Sequence[Block], vocabulary: Counter[str]) -> list[Block]:
    """Blocks with the paragraphs joined that a column or sheet divides, also around footnotes."""
    kept: list[Block] = []
    for block in blocks:
        last = _before(kept, block) if block.role == "text" else None
        if last is None:
            kept.append(block)
            continue
        last.text = joined(last.text, block.text, vocabulary)
        last.places += block.places
    return kept


def _before(kept: list[Block], block: Block) -> Block | None:
    """The paragraph that ``block`` continues; between them are figures and smaller type alone."""
    for last in kept[: -_FARTHEST - 1 : -1]:
        if _continues(last, block):
            return last
        if last.role == "heading" or (last.role == "text" and last.size > block.size - 0.5):
            return None
    return None


def _continues(last: Block, block: Block) -> bool:
    (sheet, box), (later_sheet, later) = last.places[-1], block.places[0]
    if last.role != "text" or abs(last.size - block.size) > 0.5 or not block.flows:
        return False
    moved = later_sheet == sheet + 1 or (later_sheet == sheet and later.top < box.top)
    return moved and not ENDS.search(last.text) and block.text[:1].islower()

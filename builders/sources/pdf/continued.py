"""Paragraphs that a column or sheet divides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nyxqa.builders.sources.pdf.paragraphs import ENDS, Block, joined

_FARTHEST = 8  # blocks between the parts of a paragraph


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
    """The paragraph that ``block`` continues; between them stand figures and smaller type alone."""
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

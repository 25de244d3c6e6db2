"""Which drawings of a sheet are figures, the words that belong to them, and their captions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from nyxqa.builders.sources.pdf.figures import Drawing
from nyxqa.builders.sources.pdf.geometry import Box, union
from nyxqa.builders.sources.pdf.lines import as_lines
from nyxqa.builders.sources.pdf.paragraphs import Block
from nyxqa.builders.sources.pdf.words import Word

_FEWEST_FREE = 5  # curves and oblique lines of a figure that has no caption
_FRAMED = 0.5  # share of a drawing that a picture takes of which it is the frame
_LONGEST_LABEL = 8  # words
_USUAL_LABEL = 3  # words
_APART = 1.5  # of the size, between two labels
_NEAR = 12.0  # points between a figure and the numbers of its axes
_STEPS = 3  # numbers, then the name of the axis, then nothing more
_NUMBER = re.compile(r"[-+\u2212(]*[\d.,]+(?:[eE][-+\u2212]?\d+)?[%)kMG]?|\u00d7?10|[\u2212-]\d*")

_FAR = 60.0  # points between a picture and its caption


def free_figures(drawings: Sequence[Drawing], pictures: Sequence[Box], words: Sequence[Word]) -> list[Box]:
    """Drawings that are figures also without a caption: their words are labels.

    They are drawn of curves and oblique lines, or are a frame with axes around a picture.
    """
    found = []
    for drawing in drawings:
        inside = [word for word in words if drawing.box.holds(word.box)]
        framed = any(picture.within(drawing.box).area >= _FRAMED * drawing.box.area for picture in pictures)
        if (drawing.free >= _FEWEST_FREE or framed) and _are_labels(inside):
            found.append(drawing.box)
    return found


def captioned(drawings: Sequence[Box], blocks: Sequence[Block]) -> list[Box]:
    """The drawings that have a caption outside of them."""
    owners = paired(drawings, blocks)
    return [
        box
        for box, owner in zip(drawings, owners, strict=True)
        if owner is not None and not box.holds(blocks[owner].places[0][1])
    ]


def with_axes(box: Box, words: Sequence[Word]) -> Box:
    """A figure with the numbers at its edges and the names of its axes."""
    for _ in range(_STEPS):
        near = [word for word in words if not box.holds(word.box) and box.near(word.box, _NEAR)]
        labels = [word for word in near if word.turn != 0 or _is_axis(word, words)]
        if not labels:
            return box
        box = union([box, *(word.box for word in labels)])
    return box


def _is_axis(word: Word, words: Sequence[Word]) -> bool:
    """Whether a word is a number with nothing but numbers beside it."""
    beside = [
        other
        for other in words
        if other.turn == word.turn
        and abs(other.baseline - word.baseline) < 0.4 * word.size
        and max(other.box.left - word.box.right, word.box.left - other.box.right) < _APART * word.size
    ]
    return all(_NUMBER.fullmatch(other.text) for other in beside)


def _are_labels(words: Sequence[Word]) -> bool:
    """Whether words are in short pieces, as labels do, and not in lines of text."""
    lengths = []
    for line in as_lines([word for word in words if word.turn == 0]):
        piece = 1
        for word, later in pairwise(line.words):
            if later.box.left - word.box.right >= _APART * line.size:
                lengths.append(piece)
                piece = 0
            piece += 1
        lengths.append(piece)
    return not lengths or (median(lengths) <= _USUAL_LABEL and max(lengths) <= _LONGEST_LABEL)


def paired(pictures: Sequence[Box], blocks: Sequence[Block]) -> list[int | None]:
    """For each picture of a sheet the index of its caption in ``blocks``; one caption may have several pictures."""
    captions = [(index, block.places[0][1]) for index, block in enumerate(blocks) if block.role == "caption"]
    near = [[(_distance(picture, box), index) for index, box in captions] for picture in pictures]
    chosen = [min(found)[1] if found and min(found)[0] <= _FAR else None for found in near]
    taken = set(chosen)
    # A picture above another one, with the caption below both, is a part of the same figure.
    for index, picture in enumerate(pictures):
        if chosen[index] is None and captions:
            partner = min(
                (other for other in range(len(pictures)) if chosen[other] is not None),
                key=lambda other: _distance(picture, pictures[other]),
                default=None,
            )
            if partner is not None and _distance(picture, pictures[partner]) <= _FAR / 2 and taken:
                chosen[index] = chosen[partner]
    return chosen


def _distance(picture: Box, caption: Box) -> float:
    """Points between the two, one above the other or side by side; captions below count as nearer."""
    across = max(picture.left - caption.right, caption.left - picture.right, 0.0)
    below, above = caption.top - picture.bottom, picture.top - caption.bottom
    if max(below, above) < -0.5 * caption.height:  # beside each other
        return across + 10.0
    return across + (max(below, 0.0) if below >= above else above + 8.0)

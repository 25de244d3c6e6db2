"""Which paragraph is the caption of which picture."""

from __future__ import annotations

from collections.abc import Sequence

from nyxqa.builders.sources.pdf.geometry import Box
from nyxqa.builders.sources.pdf.paragraphs import Block

_FAR = 60.0  # points between a picture and its caption


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

"""The place of a document in a PDF: sheets, and a box on each.

A locator is ``SHEET:LEFT,TOP,RIGHT,BOTTOM``, one for each sheet, joined by ``;``. Sheets count from 1; the numbers are
points (1/72 inch) from the top left corner of the sheet as a viewer shows it, with one decimal.
"""

from __future__ import annotations

from collections.abc import Iterable

Place = tuple[int, tuple[float, float, float, float]]


def write_locator(places: Iterable[Place]) -> str:
    """The locator of some places: the smallest box around those of each sheet; "" without any."""
    boxes: dict[int, tuple[float, float, float, float]] = {}
    for sheet, box in places:
        left, top, right, bottom = boxes.get(sheet, box)
        boxes[sheet] = min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3])
    return ";".join(f"{sheet}:{','.join(f'{side:.1f}' for side in boxes[sheet])}" for sheet in sorted(boxes))


def read_locator(locator: str) -> list[Place]:
    """The sheets and boxes that a locator names; none of the empty one.

    :raises ValueError: If it is not a locator.
    """
    places: list[Place] = []
    for piece in locator.split(";") if locator else []:
        sheet, _, sides = piece.partition(":")
        left, top, right, bottom = map(float, sides.split(","))
        places.append((int(sheet), (left, top, right, bottom)))
    return places

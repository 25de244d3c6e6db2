"""Boxes on a sheet: points (1/72 inch) from its top left corner, y downwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Width times height."""
        return max(0.0, self.width) * max(0.0, self.height)

    def holds(self, other: Box) -> bool:
        """Whether the centre of ``other`` is inside."""
        x, y = (other.left + other.right) / 2, (other.top + other.bottom) / 2
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    def near(self, other: Box, distance: float) -> bool:
        """Whether the two are at most ``distance`` apart on both axes."""
        return (
            self.left - distance <= other.right
            and other.left - distance <= self.right
            and self.top - distance <= other.bottom
            and other.top - distance <= self.bottom
        )

    def within(self, other: Box) -> Box:
        """The part of this box that lies in ``other``."""
        left, right = (min(max(x, other.left), other.right) for x in (self.left, self.right))
        top, bottom = (min(max(y, other.top), other.bottom) for y in (self.top, self.bottom))
        return Box(left, top, right, bottom)


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box around ``boxes``, of which there is at least one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


def clusters(boxes: list[Box], distance: float) -> list[list[int]]:
    """Indices of boxes that are, step by step, at most ``distance`` apart; in the order of their first members."""
    parent = list(range(len(boxes)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    order = sorted(range(len(boxes)), key=lambda index: boxes[index].top)
    open_: list[int] = []
    for index in order:
        box = boxes[index]
        open_ = [other for other in open_ if boxes[other].bottom + distance >= box.top]
        for other in open_:
            if box.near(boxes[other], distance):
                parent[root(index)] = root(other)
        open_.append(index)
    groups: dict[int, list[int]] = {}
    for index in range(len(boxes)):
        groups.setdefault(root(index), []).append(index)
    return list(groups.values())

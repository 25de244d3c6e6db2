"""Boxes on a displayed sheet in points (1/72 inch), and the map to them from the coordinates of a PDF."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import pypdfium2.raw as pdfium

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

Point = tuple[float, float]


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


class Space:
    """The map of one sheet.

    :ivar angle: By which the sheet is turned, in radians.
    :ivar scale: Points of the displayed sheet for a unit of the PDF.
    """

    def __init__(self, page: PdfPage) -> None:
        self.width, self.height = page.get_size()
        origin, x_unit, y_unit = (self._device(page, x, y) for x, y in ((0, 0), (1000, 0), (0, 1000)))
        self._origin = origin
        self._x = ((x_unit[0] - origin[0]) / 1000, (x_unit[1] - origin[1]) / 1000)
        self._y = ((y_unit[0] - origin[0]) / 1000, (y_unit[1] - origin[1]) / 1000)
        self.angle = math.atan2(self._x[1], self._x[0])
        self.scale = math.hypot(*self._y)

    def _device(self, page: PdfPage, x: float, y: float) -> Point:
        size = 1_000_000
        at_x, at_y = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, size, size, 0, x, y, at_x, at_y)
        return at_x.value / size * self.width, at_y.value / size * self.height

    def point(self, x: float, y: float) -> Point:
        """A point of the PDF on the displayed sheet."""
        return (
            self._origin[0] + x * self._x[0] + y * self._y[0],
            self._origin[1] + x * self._x[1] + y * self._y[1],
        )

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        """A rectangle of the PDF on the displayed sheet."""
        (x, y), (x2, y2) = self.point(left, bottom), self.point(right, top)
        return Box(min(x, x2), min(y, y2), max(x, x2), max(y, y2))

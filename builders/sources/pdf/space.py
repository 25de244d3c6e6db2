"""The map from the coordinates of a PDF to those of the displayed sheet."""

from __future__ import annotations

import ctypes
import math
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium

from nyxqa.builders.sources.pdf.geometry import Box

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

Point = tuple[float, float]


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

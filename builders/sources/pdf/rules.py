"""The straight lines that a sheet draws along its edges' directions, such as the rules of tables."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium

from nyxqa.builders.sources.pdf.geometry import Box, Point, Space

if TYPE_CHECKING:
    from pypdfium2 import PdfObject, PdfPage

_MOST_OBJECTS = 20_000
_MOST_SEGMENTS = 400  # of one path; with more it is a drawing
_MOST_RULES = 5_000
_THIN = 3.0  # points
_SHORTEST = 4.0  # points
_UNDERSCORE = 1.5  # points of height
_LONGEST_UNDERSCORE = 12.0  # points


def rules(page: PdfPage) -> tuple[list[Box], list[Box]]:
    """Horizontal and vertical lines as boxes of almost no height or width, and short ones that may be underscores.

    None if there are thousands.
    """
    space = Space(page)
    found: list[Box] = []
    for count, drawn in enumerate(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=2)):
        if count >= _MOST_OBJECTS or len(found) > _MOST_RULES:
            return [], []
        box = space.box(*drawn.get_bounds())
        if min(box.width, box.height) <= _THIN:
            found.append(box)
        else:
            found += _segments(drawn, space)
    short = [box for box in found if box.height <= _UNDERSCORE and 1.5 <= box.width <= _LONGEST_UNDERSCORE]
    return [box for box in found if max(box.width, box.height) >= _SHORTEST], short


def _segments(drawn: PdfObject, space: Space) -> Iterator[Box]:
    """The straight parts of a path that are horizontal or vertical."""
    count = pdfium.FPDFPath_CountSegments(drawn.raw)
    if not 1 < count <= _MOST_SEGMENTS or not _is_stroked(drawn):
        return
    matrix = drawn.get_matrix()
    x, y = ctypes.c_float(), ctypes.c_float()
    points: list[tuple[Point, bool]] = []
    begin: Point = (0.0, 0.0)
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(drawn.raw, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        point = space.point(*matrix.on_point(x.value, y.value))
        begin = point if kind == pdfium.FPDF_SEGMENT_MOVETO else begin
        points.append((point, kind == pdfium.FPDF_SEGMENT_LINETO))
        if pdfium.FPDFPathSegment_GetClose(segment):
            points.append((begin, True))
    for (start, _), (end, straight) in pairwise(points):
        box = Box(min(start[0], end[0]), min(start[1], end[1]), max(start[0], end[0]), max(start[1], end[1]))
        if straight and min(box.width, box.height) <= 1.0:
            yield box


def _is_stroked(drawn: PdfObject) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    return bool(pdfium.FPDFPath_GetDrawMode(drawn.raw, fill, stroke)) and bool(stroke.value)

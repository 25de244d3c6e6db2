"""Which regions of a sheet are pictures."""

from __future__ import annotations

import ctypes
import io
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium

from nyxqa.builders.sources.pdf.geometry import Box, Space, clusters, union

if TYPE_CHECKING:
    from pypdfium2 import PdfObject, PdfPage

MAX_PIXELS = 4_000_000  # of a figure; of a sheet the same at any page size
_SMALLEST = 18.0  # points of a side; smaller pictures are ornaments
_WHOLE = 0.85  # share of the sheet; a larger picture is a scan or a background
_MOST_OBJECTS = 20_000
_LARGEST = 0.6  # share of the sheet that a drawing takes
_STROKES = 8.0  # points between the strokes of one drawing
_FEWEST_STROKES = 4
_MOST_IN_FORM = 200  # paths of an inserted drawing that are looked at
_SEGMENTS = 12  # of a path that are looked at
_TOUCHING = 2.0  # points between strips of one picture


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines and curves that are close together.

    :param free: Number of those that are neither horizontal nor vertical.
    """

    box: Box
    free: int


def pictures(page: PdfPage, sheet: Box) -> tuple[list[tuple[Box, float]], bool]:
    """Boxes of embedded pictures with their pixels a point, and whether one covers the sheet.

    Strips and tiles that touch are one picture.
    """
    space = Space(page)
    found: list[tuple[Box, float]] = []
    whole = False
    for count, image in enumerate(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=1)):
        if count >= _MOST_OBJECTS:
            break
        box = space.box(*image.get_bounds()).within(sheet)
        if box.area >= _WHOLE * sheet.area:
            whole = True
        elif box.area > 0:
            found.append((box, _density(image, box)))
    groups = clusters([box for box, _ in found], _TOUCHING)
    merged = [(union(found[i][0] for i in group), max(found[i][1] for i in group)) for group in groups]
    return [(box, density) for box, density in merged if min(box.width, box.height) >= _SMALLEST], whole


def drawings(page: PdfPage, sheet: Box) -> list[Drawing]:
    """Drawn lines and curves that may be a figure: several that stand together, larger than a rule."""
    space, found = Space(page), []
    kinds = [pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_SHADING, pdfium.FPDF_PAGEOBJ_FORM]
    for count, drawn in enumerate(page.get_objects(filter=kinds, max_depth=1)):
        if count >= _MOST_OBJECTS:
            break
        box = space.box(*drawn.get_bounds()).within(sheet)
        if max(box.width, box.height) > 1 and box.area < _LARGEST * sheet.area:
            found.append((box, drawn.type == pdfium.FPDF_PAGEOBJ_FORM, _free(page, drawn)))
    together = []
    for group in clusters([box for box, _, _ in found], _STROKES):
        if len(group) >= _FEWEST_STROKES or any(found[index][1] for index in group):
            free = sum(found[index][2] for index in group)
            together.append(Drawing(union(found[index][0] for index in group), free))
    return [
        one for one in together if min(one.box.width, one.box.height) >= 40 and one.box.area < _LARGEST * sheet.area
    ]


def _free(page: PdfPage, drawn: PdfObject) -> int:
    """Number of paths of an object that have curves or oblique lines; 0 of a shading."""
    if drawn.type == pdfium.FPDF_PAGEOBJ_FORM:
        inside = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=3, form=drawn.raw, level=1)
        return sum(map(_is_free, islice(inside, _MOST_IN_FORM)))
    return int(drawn.type == pdfium.FPDF_PAGEOBJ_PATH and _is_free(drawn))


def _is_free(drawn: PdfObject) -> bool:
    """Whether a path has curves or oblique lines among its first segments."""
    x, y = ctypes.c_float(), ctypes.c_float()
    last: tuple[float, float] | None = None
    for index in range(min(pdfium.FPDFPath_CountSegments(drawn.raw), _SEGMENTS)):
        segment = pdfium.FPDFPath_GetPathSegment(drawn.raw, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_BEZIERTO:
            return True
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        if kind == pdfium.FPDF_SEGMENT_LINETO and last and min(abs(x.value - last[0]), abs(y.value - last[1])) > 1:
            return True
        last = x.value, y.value
    return False


def _density(image: PdfObject, box: Box) -> float:
    width, height = image.get_px_size()
    return float(max(max(width, height) / max(box.width, box.height, 1.0), 1.0))


def render(page: PdfPage, box: Box | None, scale: float) -> bytes:
    """A region of a sheet, or all of it, as PNG; the scale falls where there would be more than 4 million pixels.

    :param scale: Pixels a point.
    """
    width, height = page.get_size()
    area = box or Box(0.0, 0.0, width, height)
    scale = min(scale, (MAX_PIXELS / max(area.area, 1.0)) ** 0.5, 10_000 / max(area.width, area.height, 1.0))
    crop = (area.left, height - area.bottom, width - area.right, area.top)
    bitmap = page.render(scale=scale, crop=tuple(max(0.0, side) for side in crop), may_draw_forms=False)
    image = bitmap.to_pil().convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    bitmap.close()
    return buffer.getvalue()

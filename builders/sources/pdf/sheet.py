"""What pdfium says of one sheet: words, pictures and drawn paths, upright and in displayed coordinates."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium

from nyxqa.builders.sources.pdf.figures import Drawing
from nyxqa.builders.sources.pdf.geometry import Box, Point, Space
from nyxqa.builders.sources.pdf.glyphs import read_glyphs
from nyxqa.builders.sources.pdf.words import Word, words_of_glyphs

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfObject, PdfPage

_MOST = 2_000  # of a sheet that are looked at
_NOT_SHOWN = (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_TEXT)

_MOST_OBJECTS = 20_000
_MOST_SEGMENTS = 400  # of one path; with more it is a drawing
_MOST_RULES = 5_000
_THIN = 3.0  # points
_SHORTEST = 4.0  # points
_UNDERSCORE = 1.5  # points of height
_LONGEST_UNDERSCORE = 12.0  # points


@dataclass(slots=True)
class Sheet:
    """One sheet of a file.

    :param number: From 1.
    :param label: Printed page label that the file states; "" without one.
    :param box: The whole sheet, with the text upright.
    :param unseen: Number of characters that are too small to be seen.
    :param turn: Quarter turns by which coordinates were turned so that the text is upright.
    """

    number: int
    label: str
    box: Box
    words: list[Word]
    pictures: list[tuple[Box, float]] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)
    rules: list[Box] = field(default_factory=list)
    turn: int = 0
    bare: bool = False
    unseen: int = 0

    def upright(self, box: Box) -> Box:
        """``box`` of the sheet as a viewer shows it, with the text upright."""
        width, height = (self.box.width, self.box.height) if self.turn % 2 == 0 else (self.box.height, self.box.width)
        return _mover(self.turn, width, height)(box) if self.turn else box

    def displayed(self, box: Box) -> Box:
        """``box`` on the sheet as a viewer shows it."""
        width, height = (self.box.width, self.box.height) if self.turn % 2 == 0 else (self.box.height, self.box.width)
        return turned(box, -self.turn % 4, width, height) if self.turn else box


def turned(box: Box, quarters: int, width: float, height: float) -> Box:
    """``box`` after quarter turns anticlockwise; ``width`` and ``height`` are those of the sheet turned back."""
    for step in range(quarters):
        side = width if (quarters - step) % 2 == 0 else height
        box = Box(box.top, side - box.right, box.bottom, side - box.left)
    return box


def read_sheet(page: PdfPage, number: int, label: str) -> Sheet:
    """Read one sheet.

    :raises TooManyCharactersError: If it holds more than 200,000 characters.
    """
    space = Space(page)
    whole = Box(0.0, 0.0, space.width, space.height)
    found, unseen = words_of_glyphs(read_glyphs(page, space))
    words = [word for word in found if whole.holds(word.box)]
    turns = Counter(word.turn for word in words for _ in word.text)
    turn = turns.most_common(1)[0][0] if turns else 0
    sheet = Sheet(number, label, whole, words, unseen=unseen)
    if turn > 0:
        sheet.turn = turn
        move = _mover(turn, space.width, space.height)
        sheet.box = move(whole)
        for word in words:
            word.box, word.turn = move(word.box), (word.turn - turn) % 4 if word.turn >= 0 else -1
            word.baseline = word.box.bottom
    return sheet


def _mover(turn: int, width: float, height: float) -> Callable[[Box], Box]:
    """The map that makes text upright that is turned clockwise by ``turn`` quarters."""
    sizes = (width, height) if turn % 2 == 0 else (height, width)
    return lambda box: turned(box, turn, *sizes)


def opened_page(pdf: PdfDocument, index: int) -> PdfPage:
    """A sheet on which the values of forms, notes and stamps are part of what is drawn, as viewers show them.

    :raises PdfiumError: If it cannot be read.
    """
    page = pdf[index]
    if not _has_annotations(page):
        return page
    pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY)
    page.close()
    return pdf[index]


def _has_annotations(page: PdfPage) -> bool:
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MOST)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)
        if kind not in _NOT_SHOWN:
            return True
    return False


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

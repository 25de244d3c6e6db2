"""What pdfium says of one sheet: words, pictures and drawn paths, upright and in displayed coordinates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium

from nyxqa.builders.sources.pdf.figures import Drawing
from nyxqa.builders.sources.pdf.geometry import Box, Space
from nyxqa.builders.sources.pdf.glyphs import read_glyphs
from nyxqa.builders.sources.pdf.words import Word, words_of_glyphs

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_MOST = 2_000  # of a sheet that are looked at
_NOT_SHOWN = (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_TEXT)


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

"""What is laid over a sheet: the values of a form, notes and stamps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_MOST = 2_000  # of a sheet that are looked at
_NOT_SHOWN = (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_TEXT)


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

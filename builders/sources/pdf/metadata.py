"""What a PDF file says of itself: title, language, and the headings of its outline."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pypdfium2
import pypdfium2.raw as pdfium

from nyxqa.builders.sources.pdf.paragraphs import Block

_OUTLINE = 20_000  # entries
_NO_TITLE = re.compile(
    r"untitled|title|(?:microsoft word - )?\S+\.(?:dvi|docx?|tex|rtf|odt|indd|ps|qxd|html?)", re.IGNORECASE
)
_LONGEST_TITLE = 200  # characters


def stated_title(pdf: pypdfium2.PdfDocument) -> str:
    """The title that the file states; "" without one, or where it is the name of the file that it was made of."""
    title = str(pdf.get_metadata_value("Title")).strip()
    return "" if _NO_TITLE.fullmatch(title) else title


def printed_title(blocks: Sequence[Block]) -> str:
    """The lines of the largest type on the first sheet that has headings, where they are together; "" without."""
    first = next((block.places[0][0] for block in blocks if block.role == "heading"), 0)
    front = [block for block in blocks if block.places[0][0] == first]
    largest = max((block.size for block in front if block.role == "heading"), default=0.0)
    title = ""
    for block in front:
        longer = f"{title} {' '.join(block.text.split())}".strip()
        if block.role == "heading" and block.size > 0.98 * largest and len(longer) <= _LONGEST_TITLE:
            title = longer
        elif title:
            break
    return title


def language(pdf: pypdfium2.PdfDocument) -> str:
    """The language that the file states; "" without one."""
    size = pdfium.FPDFCatalog_GetLanguage(pdf.raw, None, 0)
    if not 0 < size < 200:
        return ""
    buffer = (pdfium.FPDF_WCHAR * (size // 2 + 1))()
    pdfium.FPDFCatalog_GetLanguage(pdf.raw, buffer, size)
    return bytes(memoryview(buffer))[:size].decode("utf-16-le", "replace").rstrip("\0")


def headings_of_outline(pdf: pypdfium2.PdfDocument) -> dict[int, set[str]]:
    """For each sheet the titles that the outline has on it, as ``bare_title`` gives them."""
    titles: dict[int, set[str]] = {}
    try:
        for count, bookmark in enumerate(pdf.get_toc(max_depth=8)):
            destination = bookmark.get_dest()
            index = destination.get_index() if destination else None
            if index is not None:
                titles.setdefault(index + 1, set()).add(bare_title(bookmark.get_title()))
            if count >= _OUTLINE:
                break
    except (pypdfium2.PdfiumError, RecursionError):
        return titles
    return titles


def bare_title(text: str) -> str:
    """A title without its number, case and spaces."""
    return re.sub(r"^(?:chapter|appendix|part|section)?\s*[\dA-Z]*(?:\.\d+)*\.?\s+|\W+", "", text.casefold())

"""The content of one PDF file: its blocks in reading order, with the printed page and heading of each."""

from __future__ import annotations

import pickle
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pypdfium2
import pypdfium2.raw as pdfium

from nyxqa.builders.sources.pdf.figure_regions import captioned, free_figures, paired, with_axes
from nyxqa.builders.sources.pdf.figures import drawings, pictures, render
from nyxqa.builders.sources.pdf.furniture import Furniture, printed_label
from nyxqa.builders.sources.pdf.geometry import Box
from nyxqa.builders.sources.pdf.glyphs import TooManyCharactersError
from nyxqa.builders.sources.pdf.lines import as_lines
from nyxqa.builders.sources.pdf.metadata import headings_of_outline, language, printed_title, stated_title
from nyxqa.builders.sources.pdf.ocr import Ocr
from nyxqa.builders.sources.pdf.paragraphs import Block, continued, words_of
from nyxqa.builders.sources.pdf.sheet import Sheet, opened_page, read_sheet, rules
from nyxqa.builders.sources.pdf.tables import tables
from nyxqa.builders.sources.pdf.text_blocks import Shared, place_of, text_blocks, with_tables
from nyxqa.builders.sources.pdf.words import Word, with_underscores

MAX_SHEETS = 4000
MAX_PICTURE_BYTES = 256_000_000  # of one file
_FEWEST_LETTERS = 16  # of a usable text layer


class UnreadablePdfError(Exception):
    """The file is not read.

    :param reason: Reason in the ledger.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(slots=True)
class Content:
    """What a file holds.

    :param blocks: In reading order, each with its section.
    :param notes: Reason and detail of what was left out.
    """

    title: str = ""
    language: str = ""
    blocks: list[tuple[Block, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def read_pdf(file: str, dpi: int, rendered: bool, unit: str, ocr: bool = False) -> Content:
    """Read one file.

    :param dpi: Resolution of rendered sheets and figures.
    :param rendered: Whether a sheet without a usable text layer becomes a picture.
    :param unit: ``tokens``, or ``page``: every sheet becomes a picture with its text as caption.
    :param ocr: Whether the text of a sheet without a usable text layer is read from its picture, as its caption.
    :raises UnreadablePdfError: If it is encrypted, broken, empty or too large.
    """
    with _opened(file) as pdf:
        if not len(pdf):
            raise UnreadablePdfError("empty", "it has no sheet")
        if len(pdf) > MAX_SHEETS:
            raise UnreadablePdfError("too_many_sheets", f"{len(pdf)} sheets, at most {MAX_SHEETS} are taken")
        return _Reader(pdf, dpi, rendered or ocr or unit == "page", unit, Ocr() if ocr else None).read()


def _opened(file: str) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        code = pdfium.FPDF_GetLastError()
        if code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY) or "assword" in str(error):
            raise UnreadablePdfError("encrypted", "it asks for a password") from error
        raise UnreadablePdfError("bad_pdf", f"not a PDF that can be read: {error}") from error


class _Reader:
    """Reads a file in two passes: what all sheets share, then each sheet."""

    def __init__(self, pdf: pypdfium2.PdfDocument, dpi: int, rendered: bool, unit: str, ocr: Ocr | None) -> None:
        self._ocr = ocr
        self._pdf, self._dpi, self._rendered, self._unit = pdf, dpi, rendered, unit
        self._furniture, self._shared = Furniture(), Shared(titles=headings_of_outline(pdf))
        self._sizes: Counter[float] = Counter()
        self._packed: list[bytes] = []
        self._broken: list[int] = []
        self._bare: list[int] = []
        self._bytes = self._left_out = self._hidden = 0

    def read(self) -> Content:
        """The content."""
        for index in range(len(self._pdf)):
            self._first_look(index)
        self._shared.body = max(self._sizes, key=lambda size: (self._sizes[size], size), default=10.0)
        content = Content(stated_title(self._pdf), language(self._pdf))
        blocks: list[Block] = []
        labels: dict[int, str] = {}
        for index, packed in enumerate(self._packed):
            sheet: Sheet = pickle.loads(zlib.decompress(packed))  # noqa: S301 - packed by this process
            self._packed[index] = b""
            own, labels[sheet.number] = self._blocks(sheet)
            blocks += own
        if self._unit == "tokens":
            blocks = continued(blocks, self._shared.vocabulary)
        content.blocks = list(self._with_sections(blocks, labels))
        content.title = content.title or printed_title(blocks)
        content.notes = list(self._notes())
        return content

    def _first_look(self, index: int) -> None:
        try:
            page = opened_page(self._pdf, index)
        except pypdfium2.PdfiumError:
            self._broken.append(index + 1)
            return
        try:
            sheet = read_sheet(page, index + 1, self._pdf.get_page_label(index))
        except TooManyCharactersError as error:
            raise UnreadablePdfError("too_large", f"sheet {index + 1}: {error}") from error
        sheet.pictures, whole = pictures(page, Box(0.0, 0.0, *page.get_size()))
        sheet.drawings = drawings(page, sheet.box) if sheet.turn == 0 else []
        lines, short = ([sheet.upright(box) for box in boxes] for boxes in rules(page))
        sheet.rules, sheet.words = lines, with_underscores(sheet.words, short)
        seen = self._seen(sheet, whole)
        self._hidden += sheet.unseen + _letters(sheet.words) - _letters(seen)
        sheet.words = seen
        letters = sum(character.isalnum() for word in sheet.words for character in word.text)
        sheet.bare = letters < _FEWEST_LETTERS and (whole or bool(sheet.pictures))
        if whole and letters < _FEWEST_LETTERS:
            self._bare.append(sheet.number)
        page.close()
        self._furniture.add(sheet)
        whole_lines = as_lines([word for word in sheet.words if word.turn == 0])
        inner = (" ".join(word.text for word in line.words[:-1]) for line in whole_lines)
        self._shared.vocabulary.update(words_of(inner))
        for word in sheet.words:
            self._sizes[round(word.size, 1)] += len(word.text)
        self._packed.append(zlib.compress(pickle.dumps(sheet), 1))

    def _seen(self, sheet: Sheet, whole: bool) -> list[Word]:
        """The words of a sheet without those drawn without ink, if these are not the recognised text of a scan.

        :param whole: Whether a picture covers the sheet.
        """
        inked = [word for word in sheet.words if not word.hidden]
        if whole or 2 * _letters(inked) < _letters(sheet.words):
            return sheet.words
        pictures = [box for box, _ in sheet.pictures]
        return [
            word
            for word in sheet.words
            if not word.hidden or any(box.holds(sheet.displayed(word.box)) for box in pictures)
        ]

    def _blocks(self, sheet: Sheet) -> tuple[list[Block], str]:
        """The blocks of a sheet in reading order, and its printed label."""
        furniture = self._furniture.of(sheet)
        edge = [word for word in sheet.words if word.order in furniture]
        words = [word for word in sheet.words if word.order not in furniture]
        label = printed_label(sheet, self._furniture, edge)
        embedded = [box for box, _ in sheet.pictures]
        free = free_figures(sheet.drawings, embedded, words) if self._unit == "tokens" else []
        outside = [word for word in words if word.turn == 0 and not any(box.holds(word.box) for box in free)]
        lines = [rule for rule in sheet.rules if not any(box.holds(rule) for box in free)]
        found = tables(lines, outside, self._shared.vocabulary)
        in_tables = frozenset[int]().union(*(table.words for table in found))
        words = [word for word in words if word.order not in in_tables]
        if self._unit == "tokens":
            drawn = [one.box for one in sheet.drawings if not any(table.box.holds(one.box) for table in found)]
            words = self._without_figures(sheet, words, free, [box for box in drawn if box not in free])
        between = [table.box for table in found] + [sheet.upright(box) for box, _ in sheet.pictures]
        blocks = with_tables(sheet, text_blocks(sheet, words, self._shared, between), found)
        if self._unit == "page":
            text = "\n".join(block.text for block in blocks)
            heading = next((block.text for block in blocks if block.role == "heading"), "")
            return [self._sheet_picture(sheet, text, heading)], label
        if sheet.number in self._bare:
            return (
                [self._sheet_picture(sheet, "\n".join(b.text for b in blocks), "")] if self._rendered else blocks
            ), label
        return self._with_pictures(sheet, blocks), label

    def _without_figures(self, sheet: Sheet, words: list[Word], free: list[Box], others: list[Box]) -> list[Word]:
        """The words outside of the drawings that are figures, which become pictures.

        :param free: Drawings that are figures.
        :param others: Drawings that are figures where they have a caption.
        """
        figures = [*free, *(captioned(others, text_blocks(sheet, words, self._shared)) if others else [])]
        figures = [with_axes(box, words) for box in figures]
        # A picture that is part of a drawing is drawn with it.
        sheet.pictures = [one for one in sheet.pictures if not any(box.holds(one[0]) for box in figures)]
        sheet.pictures += [(box, self._dpi / 72) for box in figures]
        return [word for word in words if not any(box.holds(word.box) for box in figures)]

    def _with_pictures(self, sheet: Sheet, blocks: list[Block]) -> list[Block]:
        """The blocks with the pictures at their places; a caption goes with its pictures."""
        if not sheet.pictures:
            return blocks
        boxes = [box for box, _ in sheet.pictures]
        owners = paired(boxes, blocks)
        page = self._pdf[sheet.number - 1]
        places: dict[int, list[Block]] = {}
        for (box, density), owner in sorted(
            zip(sheet.pictures, owners, strict=True), key=lambda pair: pair[0][0][1::-1]
        ):
            data = render(page, box, min(max(density, self._dpi / 72), 6.0))
            if self._bytes + len(data) > MAX_PICTURE_BYTES:
                self._left_out += 1
                continue
            self._bytes += len(data)
            caption = "" if owner is None else " ".join(blocks[owner].text.split())
            block = Block("", [(sheet.number, box)], 0.0, "picture", data, caption)
            places.setdefault(place_of(box, blocks) if owner is None else owner, []).append(block)
        page.close()
        taken = {owner for owner in owners if owner is not None}
        merged: list[Block] = []
        for index, text in enumerate([*blocks, None]):
            merged += places.get(index, [])
            if text is not None and index not in taken:
                merged.append(text)
        return merged

    def _sheet_picture(self, sheet: Sheet, text: str, heading: str) -> Block:
        page = self._pdf[sheet.number - 1]
        data = render(page, None, self._dpi / 72)
        whole = Box(0.0, 0.0, *page.get_size())
        page.close()
        if self._ocr is not None and sheet.number in self._bare:
            return Block("", [(sheet.number, whole)], 0.0, "scan", data, self._ocr.text(data))
        return Block(heading, [(sheet.number, whole)], 0.0, "sheet", data, text)

    def _with_sections(self, blocks: list[Block], labels: dict[int, str]) -> Iterator[tuple[Block, str]]:
        heading = ""
        for block in blocks:
            if block.role == "heading":
                heading = " ".join(block.text.split())
            elif block.role == "sheet":
                heading = " ".join(block.text.split()) or heading
            page = f"p. {labels[block.places[0][0]]}"
            yield block, f"{heading}, {page}" if heading else page

    def _notes(self) -> Iterator[tuple[str, str]]:
        if self._bare and self._unit == "tokens":
            read = ", their text read from the picture" if self._ocr is not None else ""
            what = f"rendered at {self._dpi} dpi{read}" if self._rendered else "left out; pdf.render = true keeps them"
            yield "no_text_layer", f"sheets {_ranges(self._bare)}: pictures without text, {what}"
        if self._broken:
            yield "bad_sheet", f"sheets {_ranges(self._broken)} cannot be read"
        if self._hidden:
            yield "hidden_text", f"{self._hidden} characters that are invisible or smaller than a point left out"
        if self._left_out:
            yield "too_many_images", f"{self._left_out} figures beyond {MAX_PICTURE_BYTES} bytes left out"


def _letters(words: list[Word]) -> int:
    return sum(len(word.text) for word in words)


def _ranges(numbers: list[int]) -> str:
    """Numbers with runs as ``3-7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)

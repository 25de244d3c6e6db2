"""What pdfium says of one sheet: words, pictures and drawn paths, upright and in displayed coordinates."""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import pypdfium2.raw as pdfium

from nyxqa.builders.sources.pdf.geometry import Box, union

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

MAX_CHARACTERS = 200_000  # of one sheet
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_LINE_END_HYPHENS = "\x02\ufffe"  # what pdfium reads where a word is divided
_SMALL = 0.85  # of the size of the text beside it, of a raised number
_GAP = 0.22  # of the size; letters farther apart are of different words

Point = tuple[float, float]


@dataclass(slots=True)
class Word:
    """Letters without white space between them.

    :param baseline: Where the letters stand, in points from the top.
    :param size: Height of the font's line in points.
    :param turn: Quarter turns of the text against the sheet, clockwise; -1 if it is oblique.
    :param order: Place among the words as they are drawn.
    """

    text: str
    box: Box
    baseline: float
    size: float
    turn: int
    order: int


class Glyph(NamedTuple):
    """One character as it is drawn."""

    text: str
    box: Box
    origin: Point
    turn: int
    size: float


@dataclass(slots=True)
class Sheet:
    """One sheet of a file.

    :param number: From 1.
    :param label: Printed page label that the file states; "" without one.
    :param box: The whole sheet, with the text upright.
    :param turn: Quarter turns by which coordinates were turned so that the text is upright.
    """

    number: int
    label: str
    box: Box
    words: list[Word]
    pictures: list[tuple[Box, float]] = field(default_factory=list)
    drawings: list[Box] = field(default_factory=list)
    rules: list[Box] = field(default_factory=list)
    turn: int = 0
    bare: bool = False

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


class Space:
    """The map from a PDF's coordinates to those of the displayed sheet."""

    def __init__(self, page: PdfPage) -> None:
        self.width, self.height = page.get_size()
        scale = 1000
        origin, x_unit, y_unit = (self._device(page, scale, x, y) for x, y in ((0, 0), (1000, 0), (0, 1000)))
        self._origin = origin
        self._x = ((x_unit[0] - origin[0]) / 1000, (x_unit[1] - origin[1]) / 1000)
        self._y = ((y_unit[0] - origin[0]) / 1000, (y_unit[1] - origin[1]) / 1000)
        self.angle = math.atan2(self._x[1], self._x[0])

    def _device(self, page: PdfPage, scale: int, x: float, y: float) -> Point:
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


class TooManyCharactersError(Exception):
    """A sheet has more characters than any that people read."""


def read_sheet(page: PdfPage, number: int, label: str) -> Sheet:
    """Read one sheet.

    :raises TooManyCharactersError: If it holds more than 200,000 characters.
    """
    space = Space(page)
    whole = Box(0.0, 0.0, space.width, space.height)
    words = _once(word for word in _words(_glyphs(page, space)) if whole.holds(word.box))
    turns = Counter(word.turn for word in words for _ in word.text)
    turn = turns.most_common(1)[0][0] if turns else 0
    sheet = Sheet(number, label, whole, words)
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


def _glyphs(page: PdfPage, space: Space) -> Iterator[Glyph | None]:
    """The characters as they are drawn; None where pdfium sees a border of words."""
    text = page.get_textpage()
    raw, count = text.raw, text.count_chars()
    if count > MAX_CHARACTERS:
        raise TooManyCharactersError(f"{count} characters on one sheet, at most {MAX_CHARACTERS} are taken")
    rectangle, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    high = 0
    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(raw, index)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else 0xFFFD
        high = 0
        character = chr(code) if code < 0x110000 else "\ufffd"
        if character in _LINE_END_HYPHENS:
            character = "-"
        elif character.isspace() or code == 0:
            yield None
            continue
        pdfium.FPDFText_GetLooseCharBox(raw, index, rectangle)
        pdfium.FPDFText_GetCharOrigin(raw, index, x, y)
        box = space.box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
        turn = _turn(pdfium.FPDFText_GetCharAngle(raw, index) + space.angle)
        size = box.height if turn % 2 == 0 else box.width
        yield Glyph(_LIGATURES.get(character, character), box, space.point(x.value, y.value), turn, size)
    text.close()


def _words(glyphs: Iterator[Glyph | None]) -> Iterator[Word]:
    """Letters joined to words."""
    run: list[Glyph] = []
    order = 0
    before: Glyph | None = None  # the last one of the word before
    for glyph in glyphs:
        if run and (glyph is None or not _continues(run[-1], glyph) or _is_note_number(before, run, glyph)):
            yield _word(run, order)
            order += 1
            before, run = run[-1], []
        if glyph is not None and not (run and _drawn_twice(run, glyph)):
            run.append(glyph)
    if run:
        yield _word(run, order)


def _once(words: Iterator[Word]) -> list[Word]:
    """Words without those that are drawn a second time over themselves."""
    seen: set[tuple[str, int, int]] = set()
    kept = []
    for word in words:
        key = word.text, round(word.box.left), round(word.box.top)
        if key not in seen:
            seen.add(key)
            kept.append(word)
    return kept


def _continues(last: Glyph, glyph: Glyph) -> bool:
    size = max(last.size, glyph.size, 1.0)
    if last.turn != glyph.turn:
        return False
    if glyph.turn % 2 == 0:
        gap = max(glyph.box.left - last.box.right, last.box.left - glyph.box.right)
        apart = max(glyph.box.top - last.box.bottom, last.box.top - glyph.box.bottom)
    else:
        gap = max(glyph.box.top - last.box.bottom, last.box.top - glyph.box.bottom)
        apart = max(glyph.box.left - last.box.right, last.box.left - glyph.box.right)
    return gap < _GAP * size and apart < -0.25 * min(last.size, glyph.size)


def _is_note_number(before: Glyph | None, run: list[Glyph], glyph: Glyph) -> bool:
    """Whether ``run`` is the small number of a footnote at the start of a line, whose text begins with ``glyph``."""
    if not glyph.text.isalpha() or run[-1].size > _SMALL * glyph.size or not all(one.text.isdigit() for one in run):
        return False
    return before is None or before.box.left > run[0].box.left


def _drawn_twice(run: list[Glyph], glyph: Glyph) -> bool:
    """Whether a letter is drawn over itself, which some writers do for bold type."""
    return any(
        other.text == glyph.text
        and abs(other.box.left - glyph.box.left) < 0.15 * glyph.size
        and abs(other.box.top - glyph.box.top) < 0.15 * glyph.size
        and other.box != glyph.box  # equal boxes: a ligature that was taken apart
        for other in run[-2:]
    )


def _turn(angle: float) -> int:
    quarters = angle / (math.pi / 2)
    nearest = round(quarters)
    return nearest % 4 if abs(quarters - nearest) < 0.12 else -1


def _word(run: list[Glyph], order: int) -> Word:
    box = union(glyph.box for glyph in run)
    size = max(glyph.size for glyph in run)
    return Word("".join(glyph.text for glyph in run), box, run[0].origin[1], size, run[0].turn, order)

"""The characters of one sheet as they are drawn, with place, size and font."""

# ruff: noqa: RUF001

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pypdfium2.raw as pdfium

from nyxqa.builders.sources.pdf.geometry import Box, Point, Space
from nyxqa.builders.sources.pdf.scripts import FIRST_OTHER, is_cjk, is_right_to_left

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

MAX_CHARACTERS = 200_000  # of one sheet
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_LINE_END_HYPHENS = "\x02\ufffe"  # what pdfium reads where a word is divided
_BOLD = re.compile(r"bold|black|heavy|demi|(?:cm|ec|sf|lm|pl|t1)[a-z]*bx|bx\d", re.IGNORECASE)
_INVISIBLE = pdfium.FPDF_TEXTRENDERMODE_INVISIBLE
_FORCE_BOLD = 1 << 18  # flag of a font
# The address of the text object of a character; comparing pointers takes longer than reading a character.
_object_of = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)(
    ctypes.cast(pdfium.FPDFText_GetTextObject, ctypes.c_void_p).value or 0
)
_FEWEST_STACKED = 3  # characters below one another that are a vertical line

# What an accent alone is written as, and what it is above or below a letter.
_COMBINING = {
    "`": "\u0300", "´": "\u0301", "ˆ": "\u0302", "˜": "\u0303", "¯": "\u0304", "˘": "\u0306", "˙": "\u0307",
    "¨": "\u0308", "˚": "\u030a", "˝": "\u030b", "ˇ": "\u030c", "¸": "\u0327", "˛": "\u0328",
}  # fmt: skip
_DOTLESS = {"ı": "i", "ȷ": "j"}  # under an accent the letter loses its dot
_OVERLAP = 0.6  # share of the accent's width that the letter is under


class TooManyCharactersError(Exception):
    """A sheet has more characters than any that people read."""


class Glyph(NamedTuple):
    """One character as it is drawn.

    :param turn: Quarter turns against the sheet, clockwise; -1 if it is oblique.
    :param size: Size of its font in points.
    :param font: Number of the font on the sheet.
    :param hidden: Whether it is drawn without ink.
    """

    text: str
    box: Box
    origin: Point
    turn: int
    size: float
    font: int
    bold: bool
    hidden: bool


class _Fonts:
    """Numbers the fonts of a sheet, and knows which of them are bold."""

    def __init__(self) -> None:
        self._known: dict[int | None, tuple[int, bool]] = {}

    def of(self, drawn: Any) -> tuple[int, bool]:
        """Number of the font of a text object, and whether it is bold."""
        font = pdfium.FPDFTextObj_GetFont(drawn) if drawn else None
        key = ctypes.cast(font, ctypes.c_void_p).value if font else None
        if key not in self._known:
            self._known[key] = len(self._known), bool(font) and _is_bold(font)
        return self._known[key]


def _is_bold(font: Any) -> bool:
    name = ctypes.create_string_buffer(200)
    length = pdfium.FPDFFont_GetBaseFontName(font, name, 200)
    said = name.value.decode("latin-1") if length <= len(name) else ""
    return bool(_BOLD.search(said)) or bool(max(pdfium.FPDFFont_GetFlags(font), 0) & _FORCE_BOLD)


def read_glyphs(page: PdfPage, space: Space) -> Iterator[Glyph | None]:
    """The characters as they are drawn; None where pdfium sees a border of words.

    :raises TooManyCharactersError: If there are more than 200,000.
    """
    return iter(_stacked(list(_drawn(page, space))))


def _drawn(page: PdfPage, space: Space) -> Iterator[Glyph | None]:
    text = page.get_textpage()
    raw, count = text.raw, text.count_chars()
    if count > MAX_CHARACTERS:
        raise TooManyCharactersError(f"{count} characters on one sheet, at most {MAX_CHARACTERS} are taken")
    rectangle, x, y, matrix = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double(), pdfium.FS_MATRIX()
    fonts, high, right_to_left = _Fonts(), 0, False
    last: int | None = None
    turn, em, font, bold, hidden = 0, 0.0, 0, False, False
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
            # Marks of Arabic letters are where pdfium takes the next letter for one of another word.
            if not (right_to_left and pdfium.FPDFText_IsGenerated(raw, index) == 1):
                yield None
            continue
        right_to_left = character >= FIRST_OTHER and (
            is_right_to_left(character) or unicodedata.combining(character) > 0
        )
        pdfium.FPDFText_GetLooseCharBox(raw, index, rectangle)
        pdfium.FPDFText_GetCharOrigin(raw, index, x, y)
        box = space.box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
        address = _object_of(raw, index)
        if address != last or address is None:
            last = address
            turn = _turn(pdfium.FPDFText_GetCharAngle(raw, index) + space.angle)
            scaled = pdfium.FPDFText_GetMatrix(raw, index, matrix)
            em = pdfium.FPDFText_GetFontSize(raw, index) * (math.hypot(matrix.c, matrix.d) if scaled else 1.0)
            em *= space.scale
            drawn = pdfium.FPDFText_GetTextObject(raw, index)
            font, bold = fonts.of(drawn)
            hidden = bool(drawn) and pdfium.FPDFTextObj_GetTextRenderMode(drawn) == _INVISIBLE
        height = box.height if turn % 2 == 0 else box.width
        # Fonts made of pictures state any size.
        size = em if 0.4 * height <= em <= 2.5 * height else height
        yield Glyph(
            _LIGATURES.get(character, character), box, space.point(x.value, y.value), turn, size, font, bold, hidden
        )
    text.close()


def _turn(angle: float) -> int:
    quarters = angle / (math.pi / 2)
    nearest = round(quarters)
    return nearest % 4 if abs(quarters - nearest) < 0.12 else -1


def _stacked(glyphs: list[Glyph | None]) -> list[Glyph | None]:
    """The glyphs, with those of vertical lines of Chinese or Japanese as if they lay on their side.

    Vertical lines are read from right to left, as the lines of text are that is turned clockwise by a quarter.
    """
    run: list[int] = []
    for index, glyph in enumerate([*glyphs, None]):
        if glyph is None and index < len(glyphs):
            continue
        before = glyphs[run[-1]] if run else None
        if glyph is not None and (before is None or _is_below(before, glyph)):
            run.append(index)
            continue
        if len(run) >= _FEWEST_STACKED:
            for place in run:
                one = glyphs[place]
                if one is not None:
                    glyphs[place] = one._replace(turn=1)
        run = [index] if glyph is not None and is_cjk(glyph.text) else []
    return glyphs


def _is_below(last: Glyph, glyph: Glyph) -> bool:
    """Whether a character is the next one of a vertical line."""
    if not is_cjk(glyph.text) or last.turn != 0 or glyph.turn != 0:
        return False
    size = max(last.size, 1.0)
    centres = abs((last.box.left + last.box.right) - (glyph.box.left + glyph.box.right)) / 2
    across = min(centres, abs(last.origin[0] - glyph.origin[0]))
    return across < 0.3 * size and 0.5 * size < glyph.box.top - last.box.top < 1.8 * size


def accented(run: Sequence[Glyph]) -> list[Glyph]:
    """Characters of a word, with each accent put on the letter that is drawn under or above it."""
    found: list[Glyph] = []
    for glyph in run:
        before = found[-1] if found else None
        letter = None if before is None else _letter(before, glyph) or _letter(glyph, before)
        if before is None or letter is None:
            found.append(glyph)
        else:
            base = glyph if before.text in _COMBINING else before
            found[-1] = base._replace(text=letter)
    return found


def _letter(accent: Glyph, base: Glyph) -> str | None:
    """The letter with its accent as one character; None if they are not one letter."""
    combining = _COMBINING.get(accent.text)
    if combining is None or not base.text.isalpha():
        return None
    shared = min(accent.box.right, base.box.right) - max(accent.box.left, base.box.left)
    if shared < _OVERLAP * accent.box.width:
        return None
    letter = unicodedata.normalize("NFC", _DOTLESS.get(base.text, base.text) + combining)
    return letter if len(letter) == 1 else None

"""Headers, footers and page numbers: what is at the edge of many sheets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from statistics import median

from nyxqa.builders.sources.pdf.lines import Line, as_lines
from nyxqa.builders.sources.pdf.sheet import Sheet
from nyxqa.builders.sources.pdf.words import Word

_EDGE = 0.13  # share of the sheet's height in which headers and footers are
_OUTERMOST = 0.2  # the same of the first and the last line
_LARGER = 1.25  # times the size of equal text at other edges; such text is a title
_DEEPEST = 3  # lines of a header or footer
_APART = 1.5  # times the size between a header and the text
_DIGITS = re.compile(r"[0-9]+")
_ROMAN = re.compile(r"\b[ivxlc]+\b")
_LONGEST_NUMBER = 6  # digits
_MOST_NUMBERS = 4
_PAGE_NUMBER = re.compile(
    r"(?:\W|page|seite|p\.|s\.|of|von|/)*(\d{1,5}|[ivxlc]+)\W*(?:(?:of|von|/)\s*\d+)?\W*", re.IGNORECASE
)
_DISTINCT = 0.7  # share of the running heads of a place that differ
_STEP = 4.0  # points by which the place of a header may differ


class Furniture:
    """Finds the headers and footers of a file, once the edges of all its sheets are known."""

    def __init__(self) -> None:
        self._texts: Counter[tuple[bool, str]] = Counter()
        self._smallest: dict[tuple[bool, str], float] = {}
        self._places: Counter[tuple[bool, int]] = Counter()
        self._heads: dict[tuple[bool, int], set[int]] = {}
        self._numbers: Counter[tuple[bool, int]] = Counter()
        self._sheets = 0

    def add(self, sheet: Sheet) -> None:
        """Take note of the edges of one sheet."""
        lines = _edge_lines(sheet)
        self._texts.update({(top, one) for top, line, _ in lines for one in _patterns(line.text, sheet.number)})
        for top, line, _ in lines:
            for one in _patterns(line.text, sheet.number):
                self._smallest[top, one] = min(self._smallest.get((top, one), line.size), line.size)
        apart = {(top, place, line.text) for top, line, apart in lines if apart for place in _places(line)}
        self._places.update((top, place) for top, place, _ in apart)
        for top, place, text in apart:
            self._heads.setdefault((top, place), set()).add(hash(_DIGITS.sub("", text.casefold())))
        self._numbers.update({(top, int(number) - sheet.number) for top, line, _ in lines for number in _digits(line)})
        self._sheets += 1

    @property
    def offset(self) -> int | None:
        """Printed number less the sheet's; None where the numbers do not rise with the sheets."""
        if not self._numbers:
            return None
        (_, offset), count = max(self._numbers.items(), key=lambda item: (item[1], -abs(item[0][1])))
        return offset if count >= max(2, 0.4 * self._sheets) else None

    def of(self, sheet: Sheet) -> set[int]:
        """Orders of the words of ``sheet`` that are furniture."""
        found: set[int] = set()
        for top in (True, False):
            lines = [(line, apart) for at_top, line, apart in _edge_lines(sheet) if at_top is top]
            last = -1
            for index, (line, apart) in enumerate(lines):
                if self._repeats(sheet, top, line, apart) or (not index and self._is_number(sheet, line)):
                    last = index
            found.update(word.order for line, _ in lines[: last + 1] for word in line.words)
        return found

    def _is_number(self, sheet: Sheet, line: Line) -> bool:
        """Whether an outermost line is the printed number of its sheet, where the numbers rise with the sheets."""
        text = line.text
        known = self.offset is not None and text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER
        return known and int(text) - sheet.number == self.offset

    def _repeats(self, sheet: Sheet, top: bool, line: Line, apart: bool) -> bool:
        text = line.text
        number = _PAGE_NUMBER.fullmatch(text)
        if number and (apart or len(sheet.words) < 8):
            value = number.group(1)
            if value == sheet.label or not value.isdigit():
                return self._sheets > 1
            if self.offset is not None and int(value) == sheet.number + self.offset:
                return True
        often, pattern = max((self._texts[top, one], one) for one in _patterns(text, sheet.number))
        if line.size > _LARGER * self._smallest[top, pattern]:
            return False
        if any(letter.isalpha() for letter in text) and often >= max(3, 0.08 * self._sheets):
            return apart or often >= 0.5 * self._sheets
        if line.size > 1.15 * median(word.size for word in sheet.words):
            return False  # a heading at the top of every sheet
        if self._sheets < 4 or not apart:
            return often >= 2 and often == self._sheets and apart
        # Running heads that name the chapter differ in text and are at one height.
        place = max(_places(line), key=lambda place: self._places[top, place])
        often = self._places[top, place]
        # Texts of which each is on one sheet are the titles of those sheets.
        return often >= 0.6 * self._sheets and len(self._heads.get((top, place), ())) <= _DISTINCT * often


def _edge_lines(sheet: Sheet) -> list[tuple[bool, Line, bool]]:
    """At most three lines at each edge from outside in: whether at the top, the line, and whether it is apart."""
    edge, outermost = _EDGE * sheet.box.height, _OUTERMOST * sheet.box.height
    near = [
        w for w in sheet.words if w.turn == 0 and (w.box.top < 2 * edge or w.box.bottom > sheet.box.bottom - 2 * edge)
    ]
    lines = as_lines(near)
    size = median(line.size for line in lines) if lines else 0.0
    found: list[tuple[bool, Line, bool]] = []
    for top, ordered in ((True, lines), (False, lines[::-1])):
        for line, inner in zip(ordered[:_DEEPEST], [*ordered[1:], None], strict=False):
            deepest = edge if found and found[-1][0] is top else outermost
            if line.box.bottom > deepest if top else line.box.top < sheet.box.bottom - deepest:
                break
            found.append((top, line, _gap(line, inner) > _APART * size - size))
    return found


def _gap(line: Line, inner: Line | None) -> float:
    """White space between a line and the next one inwards."""
    if inner is None:
        return 1000.0
    return max(inner.box.top - line.box.bottom, line.box.top - inner.box.bottom)


def _patterns(text: str, sheet: int) -> list[str]:
    """What equal headers of several sheets share: the text, and the text with one number less that of the sheet.

    Numbers that do not rise with the sheets stay: "Chapter 3" at the top of a sheet is a heading.
    """
    folded = _ROMAN.sub("#", text.casefold())
    numbers = [match for match in _DIGITS.finditer(folded) if len(match.group()) < _LONGEST_NUMBER]
    ends = numbers if len(numbers) <= _MOST_NUMBERS else [numbers[0], numbers[-1]]
    less = [f"{folded[: one.start()]}#{int(one.group()) - sheet}{folded[one.end() :]}" for one in ends]
    return [folded, *less]


def _places(line: Line) -> tuple[int, int]:
    place = int(line.baseline // _STEP)
    return place, place + 1 if line.baseline % _STEP > _STEP / 2 else place - 1


def _digits(line: Line) -> list[str]:
    """Numbers that may be the page's: those at the ends of the line."""
    words = [line.words[0], line.words[-1]]
    return [word.text for word in words if word.text.isascii() and word.text.isdigit() and len(word.text) < 6]


def printed_label(sheet: Sheet, furniture: Furniture, words: Sequence[Word]) -> str:
    """The label printed on a sheet: what the file states, else the number at its edge, else the sheet's number."""
    if sheet.label:
        return sheet.label
    roman = [word.text for word in words if re.fullmatch(r"[ivxlc]+", word.text)]
    if roman:
        return roman[0]
    number = sheet.number + furniture.offset if furniture.offset is not None else sheet.number
    return str(number if number > 0 else sheet.number)

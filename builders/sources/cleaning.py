"""Cleaning of source text, and how its parts look: characters, white space, table rows, captions of figures."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from nyxqa.schemas.content import PLACEHOLDER

# Control characters except line feed and tab, and unpaired surrogates, which Arrow rejects.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|[\ud800-\udfff]")
_CONTROLS = bytes((*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F))
# The others of them as UTF-8; each pattern begins with one byte, which is found fast.
_LATER_CONTROL, _SURROGATE = re.compile(rb"\xc2[\x80-\x84\x86-\x9f]"), re.compile(rb"\xed[\xa0-\xbf]")
_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")
_INVISIBLE = re.compile("[\xad\ufeff]")  # a soft hyphen or byte order mark would split a word in every later stage
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\n{3,}")

_CAPTION = re.compile(
    r"(?:fig(?:ure)?s?|abb(?:ildung)?|plate|chart|scheme|diagram|image|photo|figura|ábra|рис(?:унок)?|図|图)\.?\s*"
    r"(?:[A-Z]?\d+(?:[.-]\d+)*[a-z]?|[IVX]+)\s*(?:[.:)\u2014\u2013-]|\s|$)",
    re.IGNORECASE,
)
_LONGEST = 1500  # characters


class TextCleaner:
    """Cleans the texts of one page and counts what it removes.

    ``replaced`` counts control characters and surrogates; ``placeholders`` counts literal ``<|image|>``.
    """

    def __init__(self) -> None:
        self.replaced = 0
        self.placeholders = 0

    def __call__(self, text: str, *, preformatted: bool = False) -> str:
        """Return ``text`` cleaned.

        :param preformatted: Whether white space within lines is kept, as in source code and ASCII tables.
        """
        if text.isascii() and text.isprintable() and PLACEHOLDER not in text and not preformatted:
            return " ".join(text.split())  # a shortcut for most text, ten times as fast
        if text.isascii():
            text = self.printable(text.replace("\r\n", "\n").replace("\r", "\n"))
        else:
            text = self.printable(_LINE_END.sub("\n", text))
            text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
        while PLACEHOLDER in text:  # removing one can form another
            self.placeholders += text.count(PLACEHOLDER)
            text = text.replace(PLACEHOLDER, " ")
        if preformatted:
            lines = (line.expandtabs(4).rstrip() for line in text.split("\n"))
            return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")
        lines = (line.strip() for line in _SPACES.sub(" ", text).split("\n"))
        return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()

    def line(self, text: str | None) -> str:
        """Return ``text`` cleaned, on one line; the empty string for None."""
        return " ".join(self(text or "").split())

    def printable(self, text: str) -> str:
        """Return ``text`` without control characters and with unpaired surrogates replaced by U+FFFD."""
        encoded = text.encode("utf-8", "surrogatepass")
        if len(encoded.translate(None, _CONTROLS)) == len(encoded) and not (
            _LATER_CONTROL.search(encoded) or _SURROGATE.search(encoded)
        ):
            return text  # a page without any is looked through in a fifth of the time
        cleaned, count = _NOT_TEXT.subn(lambda match: "\ufffd" if match.group() >= "\ud800" else "", text)
        self.replaced += count
        return cleaned


def table_row(cells: Sequence[str]) -> str:
    """The cells of a row of a table as one line, also those without text; "" if none has text."""
    texts = [" ".join(cell.split()) for cell in cells]
    return " | ".join(texts) if any(texts) else ""


def is_caption(text: str) -> bool:
    """Whether a paragraph starts as captions of figures do."""
    return len(text) <= _LONGEST and bool(_CAPTION.match(text))

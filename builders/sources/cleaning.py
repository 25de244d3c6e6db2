"""Text as it leaves a source: printable, NFC, white space folded, free of placeholders."""

from __future__ import annotations

import re
import unicodedata

from nyxqa.schemas.content import PLACEHOLDER

# Control characters other than line feed and tab, and halves of surrogate pairs: neither is text, and Arrow
# refuses the latter.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|[\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")
_INVISIBLE = re.compile("[\xad\ufeff]")  # soft hyphen and byte order mark cut words apart for every later stage
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\n{3,}")


class TextCleaner:
    """Cleans the texts of one page and remembers what was wrong with them.

    ``replaced`` counts characters that are no text; ``placeholders`` counts literal ``<|image|>``.
    """

    def __init__(self) -> None:
        self.replaced = 0
        self.placeholders = 0

    def __call__(self, text: str, *, preformatted: bool = False) -> str:
        """``text`` cleaned.

        :param preformatted: Keep white space within lines, as source code and drawn tables need.
        """
        if text.isascii() and text.isprintable() and PLACEHOLDER not in text and not preformatted:
            return " ".join(text.split())  # most text, in a tenth of the time
        text = self.printable(_LINE_END.sub("\n", text))
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
        while PLACEHOLDER in text:  # taking one out can put the next together
            self.placeholders += text.count(PLACEHOLDER)
            text = text.replace(PLACEHOLDER, " ")
        if preformatted:
            lines = (line.expandtabs(4).rstrip() for line in text.split("\n"))
            return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")
        lines = (line.strip() for line in _SPACES.sub(" ", text).split("\n"))
        return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()

    def line(self, text: str | None) -> str:
        """``text`` cleaned, on one line; nothing gives the empty string."""
        return " ".join(self(text or "").split())

    def printable(self, text: str) -> str:
        """``text`` without control characters, halves of surrogate pairs replaced by U+FFFD."""
        cleaned, count = _NOT_TEXT.subn(lambda found: "\ufffd" if found.group() >= "\ud800" else "", text)
        self.replaced += count
        return cleaned

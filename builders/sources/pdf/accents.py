"""Letters under accents that older fonts draw as characters of their own, such as ``¨`` and ``o`` for ``ö``."""

# ruff: noqa: RUF001

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from nyxqa.builders.sources.pdf.glyphs import Glyph

# What an accent alone is written as, and what it is above or below a letter.
_COMBINING = {
    "`": "\u0300", "´": "\u0301", "ˆ": "\u0302", "˜": "\u0303", "¯": "\u0304", "˘": "\u0306", "˙": "\u0307",
    "¨": "\u0308", "˚": "\u030a", "˝": "\u030b", "ˇ": "\u030c", "¸": "\u0327", "˛": "\u0328",
}  # fmt: skip
_DOTLESS = {"ı": "i", "ȷ": "j"}  # under an accent the letter loses its dot
_OVERLAP = 0.6  # share of the accent's width that the letter is under


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
    """The letter with its accent as one character; None if they are none or stand beside each other."""
    combining = _COMBINING.get(accent.text)
    if combining is None or not base.text.isalpha():
        return None
    shared = min(accent.box.right, base.box.right) - max(accent.box.left, base.box.left)
    if shared < _OVERLAP * accent.box.width:
        return None
    letter = unicodedata.normalize("NFC", _DOTLESS.get(base.text, base.text) + combining)
    return letter if len(letter) == 1 else None

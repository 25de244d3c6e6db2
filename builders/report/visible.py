"""Text of others made safe to look at: what would move or hide other text is shown instead of obeyed."""

from __future__ import annotations

import re

# Controls of terminals and of the direction of text, separators of lines, and invisible tags. Joiners stay: Arabic,
# Indic scripts and emoji are written with them.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """``text`` with each such character as its number in brackets, such as ``⟨U+202E⟩``; tabs and line ends stay."""
    return _CONTROLS.sub(lambda found: f"\u27e8U+{ord(found[0]):04X}\u27e9", text)


def one_visible_line(text: str) -> str:
    """``text`` on one line, with white space folded."""
    return visible(" ".join(text.split()))

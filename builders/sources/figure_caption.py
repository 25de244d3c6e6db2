"""Which paragraphs start as captions of figures do."""

from __future__ import annotations

import re

_CAPTION = re.compile(
    r"(?:fig(?:ure)?s?|abb(?:ildung)?|plate|chart|scheme|diagram|image|photo|figura|ábra|рис(?:унок)?|図|图)\.?\s*"
    r"(?:[A-Z]?\d+(?:[.-]\d+)*[a-z]?|[IVX]+)\s*(?:[.:)\u2014\u2013-]|\s|$)",
    re.IGNORECASE,
)
_LONGEST = 1500  # characters


def is_caption(text: str) -> bool:
    """Whether a paragraph starts as captions of figures do."""
    return len(text) <= _LONGEST and bool(_CAPTION.match(text))

"""What folding makes of each character, and its kind in the word rule, as a table for many texts at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from nyxqa.builders.dedup.kernel_source import ALONE, JOINER, KIND_SHIFT, LENGTH_SHIFT, LETTER, NONE, ODD, SEVERAL
from nyxqa.schemas.words import fold, kinds_of

WIDTH = 0x20000  # code points in the table; Han beyond it is left to ``words``
_KINDS = {ord("n"): NONE, ord("l"): LETTER, ord("j"): JOINER, ord("u"): ALONE, ord("m"): ODD}
# Vowels and final consonants of Hangul: they compose with what stands before them, though they are no marks.
_JAMO = range(0x1160, 0x1200)

# An entry is the folded character and, shifted by ``KIND_SHIFT``, its kind. ``ODD``: only ``words`` itself can split a
# text with it, or it has not been met. ``SEVERAL``: folding makes several characters of it, whose entries stand behind
# those of the code points. Between the two an entry for all characters beyond.
UNMET = ODD << KIND_SHIFT | 1
table: NDArray[np.uint32] = np.full(2 * WIDTH, UNMET, np.uint32)
table[WIDTH] = ODD << KIND_SHIFT
_met: set[int] = set()
_filling = Lock()
_end = WIDTH + 1


def meet(codes: Iterable[int]) -> bool:
    """Fill the table for code points; returns whether anything was added since the caller looked."""
    missing = {code for code in codes if code < WIDTH and code not in _met}
    with _filling:
        for code in missing - _met:
            table[code] = _entry(_folded(chr(code)))
            _met.add(code)
    return bool(missing)


@cache
def plain() -> NDArray[np.uint64]:
    """Bytes of UTF-8 that are characters alone, as ``kernel_source.hash_words`` needs them, uint64 [256]."""
    meet(range(128))
    found = np.zeros(256, np.uint64)
    letters, others = (np.flatnonzero(table[:128] >> KIND_SHIFT == kind) for kind in (LETTER, NONE))
    found[letters] = table[letters] & (1 << KIND_SHIFT) - 1
    found[others] = 1
    return found


def _entry(folded: str) -> int:
    global _end
    entries = [ord(one) | _KINDS[kind] << KIND_SHIFT for one, kind in zip(folded, kinds_of(folded), strict=True)]
    if not entries or any(entry >> KIND_SHIFT == ODD for entry in entries):
        return ODD << KIND_SHIFT
    if len(entries) == 1:
        return entries[0]
    table[_end : _end + len(entries)] = entries
    _end += len(entries)
    return SEVERAL << KIND_SHIFT | len(entries) << LENGTH_SHIFT | (_end - len(entries))


def _folded(character: str) -> str:
    """What folding makes of ``character`` in any text; nothing if that depends on the characters around it."""
    normal = unicodedata.normalize("NFKC", character)
    if any(unicodedata.category(one).startswith("M") or ord(one) in _JAMO for one in normal):
        return ""
    return fold(character)

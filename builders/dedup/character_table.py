"""What folding makes of each character, and its kind in the word rule, as a table for many texts at once."""

from __future__ import annotations

import unicodedata
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from nyxqa.builders.dedup.kernel_source import ALONE, JOINER, KIND_SHIFT, LENGTH_SHIFT, LETTER, NONE, ODD, SEVERAL
from nyxqa.schemas.words import fold, kinds_of

WIDTH = 0x20000  # code points in the table; Han beyond it is left to ``words``
_BLOCK = 256
_KINDS = {ord("n"): NONE, ord("l"): LETTER, ord("j"): JOINER, ord("u"): ALONE, ord("m"): ODD}
# Vowels and final consonants of Hangul: they compose with what stands before them, though they are no marks.
_JAMO = range(0x1160, 0x1200)

# An entry is the folded character and, shifted by ``KIND_SHIFT``, its kind. ``ODD``: only ``words`` itself can split a
# text with it, or the block of the character has not been met. ``SEVERAL``: folding makes several characters of it,
# whose entries stand behind those of the code points. Between the two an entry for all characters beyond.
table: NDArray[np.uint32] = np.full(2 * WIDTH, ODD << KIND_SHIFT, np.uint32)
_met: set[int] = set()
_filling = Lock()
_end = WIDTH + 1


def meet(text: str) -> bool:
    """Fill the table for the characters of ``text``; returns whether anything was added."""
    return meet_blocks({ord(character) // _BLOCK for character in set(text)})


def meet_blocks(blocks: set[int]) -> bool:
    """Fill the table for blocks of 256 code points; returns whether anything was added since the caller looked."""
    missing = {block for block in blocks if block < WIDTH // _BLOCK and block not in _met}
    with _filling:
        for block in missing - _met:
            table[block * _BLOCK : (block + 1) * _BLOCK] = _entries(block)
            _met.add(block)
    return bool(missing)


def _entries(block: int) -> list[int]:
    folded = [_folded(chr(code)) for code in range(block * _BLOCK, (block + 1) * _BLOCK)]
    kinds = iter(kinds_of("".join(folded)))
    return [_entry([ord(one) | _KINDS[next(kinds)] << KIND_SHIFT for one in several]) for several in folded]


def _entry(entries: list[int]) -> int:
    global _end
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

"""Positions of white space and words in a text, computed over all characters at once."""

from __future__ import annotations

from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

_LATIN = bytes(chr(code).isspace() for code in range(0x100))
_WIDE = np.array(
    [chr(code).isspace() for code in range(0x10000)]
)  # the last entry, False, is also used for all code points beyond


def space_starts(text: str) -> Ints:
    """Return the start of each run of white space, int64 [runs], ascending."""
    space = _spaces(text)
    return np.flatnonzero(space & ~np.concatenate([[False], space[:-1]]))


def word_bounds(text: str) -> tuple[Ints, Ints]:
    """Return starts and ends of the words of ``str.split``, int64 [words] each, ascending."""
    word = np.zeros(len(text) + 2, np.bool_)
    np.logical_not(_spaces(text), out=word[1:-1])
    bounds = np.flatnonzero(word[1:] != word[:-1])
    return bounds[::2], bounds[1::2]


def _spaces(text: str) -> Bools:
    """Return whether each character is white space, bool [characters]."""
    if text.isascii():
        return np.frombuffer(text.encode().translate(_LATIN), np.bool_)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    space = np.frombuffer(codes.astype(np.uint8).tobytes().translate(_LATIN), np.bool_).copy()
    wide = np.flatnonzero(codes > 0xFF)  # translate saw only their lowest byte
    space[wide] = _WIDE[np.minimum(codes[wide], 0xFFFF)]
    return space

"""Where things stand in a text, found over all its characters at once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

_TABLE = 0x10000  # white space and the ends of sentences all lie below


def spaces(text: str) -> Bools:
    """Whether each character is white space, bool [characters]."""
    return _are(text, _spaces())


def space_begins(text: str) -> Ints:
    """Where each run of white space begins."""
    space = spaces(text)
    return np.flatnonzero(space & ~np.concatenate([[False], space[:-1]]))


def word_begins(text: str) -> Ints:
    """Where each run of anything but white space begins: the words of ``str.split``."""
    space = spaces(text)
    return np.flatnonzero(~space & np.concatenate([[True], space[:-1]])[: len(space)])


def _are(text: str, table: Bools) -> Bools:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return table[np.minimum(codes, _TABLE)]


@lru_cache
def _spaces() -> Bools:
    return _table(code for code in range(_TABLE) if chr(code).isspace())


def _table(codes: Iterable[int]) -> Bools:
    table = np.zeros(_TABLE + 1, np.bool_)
    table[list(codes)] = True
    return table

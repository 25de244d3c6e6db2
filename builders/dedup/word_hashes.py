"""Hashes of the words of many texts at once: the word rule of ``schemas.words``, in arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nyxqa.schemas.words import character_kinds, fold, words

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

_BASE = np.uint64(0x9E3779B97F4A7C15)  # any odd number has an inverse modulo 2**64
_INVERSE = np.uint64(pow(int(_BASE), -1, 2**64))


def mix(values: U64) -> U64:
    """A bijection of 64-bit numbers that spreads every bit over all (the finaliser of SplitMix64)."""
    mixed = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def word_hashes(texts: Sequence[str]) -> tuple[U64, I64]:
    """The words of each text as 64-bit hashes, text after text, and the number of words of each.

    Equal to hashing ``words(text)`` word by word. Texts whose segmentation depends on marks or on characters beyond
    U+FFFF are split by ``words`` itself, one by one.
    """
    folded = [fold(text) for text in texts]
    lengths = np.fromiter(map(len, folded), np.int64, len(folded))
    # A line end before, between and after the texts, so that no word crosses a border.
    codes = _codes("\n".join(["", *folded, ""]))
    ends = np.cumsum(lengths + 1)
    kinds = _kinds_of(codes)
    odd = np.unique(np.searchsorted(ends, np.flatnonzero(kinds == ord("m")), side="right"))
    for text in odd.tolist():
        kinds[ends[text] - lengths[text] : ends[text]] = ord("n")
    starts, stops = _word_bounds(kinds)
    hashes = _span_hashes(codes, starts, stops)
    counts = np.diff(np.searchsorted(starts, ends), prepend=0)
    if len(odd):
        hashes, counts = _with_odd(hashes, counts, texts, odd)
    return hashes, counts


def _with_odd(hashes: U64, counts: I64, texts: Sequence[str], odd: I64) -> tuple[U64, I64]:
    """Insert the words of the texts ``odd``, split by ``words``, at the positions of these texts."""
    cut = [words(texts[text]) for text in odd.tolist()]
    flat = [word for text in cut for word in text]
    lengths = np.fromiter(map(len, flat), np.int64, len(flat))
    stops = np.cumsum(lengths)
    more = _span_hashes(_codes("".join(flat)), stops - lengths, stops)
    added = np.fromiter(map(len, cut), np.int64, len(cut))
    places = np.repeat((np.cumsum(counts) - counts)[odd], added)
    counts[odd] = added
    return np.insert(hashes, places, more), counts


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _kinds_of(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """The kind of each character; those beyond U+FFFF count as marks, which leaves them to ``words``."""
    table = character_kinds()
    kinds = np.frombuffer(bytearray(codes.astype(np.uint8).tobytes().translate(table[:256])), np.uint8)
    beyond = np.flatnonzero(codes > 0xFF)  # few in most languages
    kinds[beyond] = _kind_table()[np.minimum(codes[beyond], 0xFFFF)]
    return kinds


@cache
def _kind_table() -> NDArray[np.uint8]:
    kinds = np.frombuffer(bytearray(character_kinds()), np.uint8)
    kinds[0xFFFF] = ord("m")
    return kinds


def _word_bounds(kinds: NDArray[np.uint8]) -> tuple[I64, I64]:
    """Starts and stops of words, in order; the first and last character belong to no word."""
    inside = kinds == ord("l")
    joiner = np.flatnonzero(kinds == ord("j"))
    inside[joiner[inside[joiner - 1] & inside[joiner + 1]]] = True
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, stops = edges[::2], edges[1::2]
    alone = np.flatnonzero(kinds == ord("u"))
    if not len(alone):
        return starts, stops
    starts = np.concatenate([starts, alone])
    order = np.argsort(starts, kind="stable")
    return starts[order], np.concatenate([stops, alone + 1])[order]


def _span_hashes(codes: NDArray[np.uint32], starts: I64, stops: I64) -> U64:
    """Hashes that depend only on the characters between ``starts`` and ``stops``, through one running sum."""
    powers, inverses = _powers(len(codes))
    running = np.empty(len(codes) + 1, np.uint64)
    running[0] = 0
    running[1:] = codes
    running[1:] *= powers
    np.cumsum(running[1:], out=running[1:])
    return mix((running[stops] - running[starts]) * inverses[starts])


def _powers(count: int) -> tuple[U64, U64]:
    """Powers of the base and of its inverse; their number is that of the longest batch so far."""
    size = 1 << max(count, 1).bit_length()
    powers, inverses = _power_table(size)
    return powers[:count], inverses


@cache
def _power_table(size: int) -> tuple[U64, U64]:
    powers, inverses = np.full(size, _BASE, np.uint64), np.full(size, _INVERSE, np.uint64)
    powers[0] = inverses[0] = 1
    return np.cumprod(powers, dtype=np.uint64), np.cumprod(inverses, dtype=np.uint64)

"""Hashes of the words of many texts at once: the word rule of ``schemas.words``, in arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nyxqa.builders.dedup.arrow_arrays import arrow_array
from nyxqa.builders.dedup.character_table import WIDTH, meet, meet_blocks, table
from nyxqa.builders.dedup.compiled import Kernels, loaded
from nyxqa.builders.dedup.kernel_source import ALONE, JOINER, KIND_SHIFT, LENGTH_SHIFT, LETTER, NONE, ODD, SEVERAL
from nyxqa.schemas.words import words

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

_BASE = np.uint64(0x9E3779B97F4A7C15)  # any odd number has an inverse modulo 2**64
_CODE = np.uint32((1 << KIND_SHIFT) - 1)
_LENGTH = np.uint32((1 << (KIND_SHIFT - LENGTH_SHIFT)) - 1)
_PLACE = np.uint32((1 << LENGTH_SHIFT) - 1)
_INVERSE = np.uint64(pow(int(_BASE), -1, 2**64))


def mix(values: U64) -> U64:
    """A bijection of 64-bit numbers that spreads every bit over all (the finaliser of SplitMix64)."""
    mixed = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def word_hashes(texts: Sequence[str] | pa.Array) -> tuple[U64, I64]:
    """The words of each text as 64-bit hashes, text after text, and the number of words of each.

    Equal to hashing ``words(text)`` word by word. Texts whose segmentation depends on marks, or which folding changes
    beyond single characters, are split by ``words`` itself, one by one. Compiled functions do the same for an Arrow
    array.
    """
    kernels = loaded()
    if kernels is not None and isinstance(texts, pa.Array):
        return _compiled_hashes(kernels, texts)
    values = texts.to_pylist() if isinstance(texts, pa.Array) else texts
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    # A line end before, between and after the texts, so that no word crosses a border.
    codes = _codes("\n".join(["", *values, ""]))
    entries, ends = _entries(codes, np.cumsum(lengths + 1))
    kinds = (entries >> np.uint32(KIND_SHIFT)).astype(np.uint8)
    odd = np.unique(np.searchsorted(ends, np.flatnonzero(kinds == ODD), side="right"))
    for text in odd.tolist():
        kinds[ends[text - 1] if text else 0 : ends[text]] = NONE
    starts, stops = _word_bounds(kinds)
    hashes = _span_hashes(entries & _CODE, starts, stops)
    counts = np.diff(np.searchsorted(starts, ends), prepend=0)
    if len(odd):
        hashes, counts = _with_odd(hashes, counts, [values[text] for text in odd.tolist()], odd)
    return hashes, counts


def _compiled_hashes(kernels: Kernels, texts: pa.Array) -> tuple[U64, I64]:
    """``word_hashes`` by compiled functions."""
    wide = texts.cast(pa.large_string())
    _, bounds, content = wide.buffers()
    offsets = np.frombuffer(bounds, np.int64, len(wide) + 1, wide.offset * 8)
    data = np.frombuffer(content or b"", np.uint8)
    # No character becomes more words than twice its bytes.
    hashes = np.empty(2 * int(offsets[-1] - offsets[0]), np.uint64)
    counts = np.empty(len(wide), np.int64)
    meet_blocks({0})
    while True:
        total = kernels.call("hash_words", data, offsets, len(wide), table, WIDTH, hashes, counts)
        odd = np.flatnonzero(counts < 0)
        values = wide.take(arrow_array(odd)).to_pylist()
        if not meet("".join(values)):
            break
    if len(odd):
        counts[odd] = 0
        return _with_odd(hashes[:total], counts, values, odd)
    return hashes[:total], counts


def _with_odd(hashes: U64, counts: I64, texts: Sequence[str], odd: I64) -> tuple[U64, I64]:
    """Insert the words of ``texts``, split by ``words``, at their positions ``odd``."""
    cut = [words(text) for text in texts]
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


def _entries(codes: NDArray[np.uint32], ends: I64) -> tuple[NDArray[np.uint32], I64]:
    """The entries of ``character_table`` for all characters, and where the texts end among them."""
    beyond = codes[codes > 0x7F] >> np.uint32(8)
    meet_blocks({0, *np.flatnonzero(np.bincount(beyond, minlength=1)).tolist()})
    entries = np.take(table, np.minimum(codes, WIDTH))
    several = np.flatnonzero(entries >> np.uint32(KIND_SHIFT) == SEVERAL)
    if not len(several):
        return entries, ends
    sizes = np.ones(len(entries), np.int64)
    sizes[several] = entries[several] >> np.uint32(LENGTH_SHIFT) & _LENGTH
    firsts = np.cumsum(sizes) - sizes
    expanded = np.repeat(entries, sizes)
    for place in several.tolist():
        start, first, size = int(entries[place] & _PLACE), firsts[place], sizes[place]
        expanded[first : first + size] = table[start : start + size]
    return expanded, firsts[ends]


def _word_bounds(kinds: NDArray[np.uint8]) -> tuple[I64, I64]:
    """Starts and stops of words, in order; the first and last character belong to no word."""
    inside = kinds == LETTER
    joiner = np.flatnonzero(kinds == JOINER)
    inside[joiner[inside[joiner - 1] & inside[joiner + 1]]] = True
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, stops = edges[::2], edges[1::2]
    alone = np.flatnonzero(kinds == ALONE)
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

"""Hashes of the words of many texts at once: the word rule of ``schemas.words``, in arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nyxqa.builders.dedup.arrow_arrays import text_buffers
from nyxqa.builders.dedup.character_table import UNMET, WIDTH, meet, plain, table
from nyxqa.builders.dedup.compiled import Kernels, loaded, scratch
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
        hashes, firsts, counts = compiled_hashes(kernels, texts)
        return hashes[ranges_of(firsts, counts)], counts
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
        return _with_odd(hashes, counts, odd, *_odd_hashes([values[text] for text in odd.tolist()]))
    return hashes, counts


def compiled_hashes(kernels: Kernels, texts: pa.Array) -> tuple[U64, I64, I64]:
    """``word_hashes`` by compiled functions, which leave the texts out of order that ``words`` splits.

    :returns: Hashes, in memory that this thread uses again; where those of each text start; their number.
    """
    data, offsets = text_buffers(texts)
    # No character becomes more words than twice its bytes.
    hashes = scratch.array("words", np.uint64, 2 * int(offsets[-1] - offsets[0]))
    starts, counts = np.zeros((2, len(texts)), np.int64)
    places, total, met = np.arange(len(texts)), 0, True
    while met:
        found = np.empty(len(places), np.int64)
        more = kernels.call("hash_words", data, offsets, len(places), table, WIDTH, plain(), hashes[total:], found)
        added, odd = np.maximum(found, 0), np.flatnonzero(found < 0)
        starts[places], counts[places] = total + np.cumsum(added) - added, added
        total += more
        if not len(odd):
            return hashes, starts, counts
        # The same texts again, if they have characters that the table lacked.
        places = places[odd]
        values = [texts[place].as_py() for place in places.tolist()]
        data, offsets = _encoded(values)
        met = meet(map(ord, set("".join(values))))
    last, added = _odd_hashes(values)
    starts[places], counts[places] = total + np.cumsum(added) - added, added
    if total + len(last) > len(hashes):
        return np.concatenate([hashes[:total], last]), starts, counts
    hashes[total : total + len(last)] = last
    return hashes, starts, counts


def _encoded(texts: list[str]) -> tuple[NDArray[np.uint8], I64]:
    """UTF-8 of ``texts``, and where each starts and the last ends."""
    parts = [text.encode() for text in texts]
    offsets = np.zeros(len(parts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)), out=offsets[1:])
    return np.frombuffer(b"".join(parts), np.uint8), offsets


def _odd_hashes(texts: Sequence[str]) -> tuple[U64, I64]:
    """Hashes of the words of ``texts``, split by ``words``, text after text, and their number in each."""
    cut = [words(text) for text in texts]
    flat = [word for text in cut for word in text]
    lengths = np.fromiter(map(len, flat), np.int64, len(flat))
    stops = np.cumsum(lengths)
    return _span_hashes(_codes("".join(flat)), stops - lengths, stops), np.fromiter(map(len, cut), np.int64, len(cut))


def _with_odd(hashes: U64, counts: I64, odd: I64, more: U64, added: I64) -> tuple[U64, I64]:
    """Insert ``more``, the words of the texts ``odd``, ``added`` of each."""
    places = np.repeat((np.cumsum(counts) - counts)[odd], added)
    counts[odd] = added
    return np.insert(hashes, places, more), counts


def ranges_of(starts: I64, sizes: I64) -> I64:
    """The ranges ``starts[i] .. starts[i] + sizes[i]``, concatenated."""
    ends = np.cumsum(sizes)
    steps = np.repeat(starts - (ends - sizes), sizes)
    return steps + np.arange(len(steps))


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _entries(codes: NDArray[np.uint32], ends: I64) -> tuple[NDArray[np.uint32], I64]:
    """The entries of ``character_table`` for all characters, and where the texts end among them."""
    places = np.minimum(codes, WIDTH)
    entries = np.take(table, places)
    while len(unmet := np.flatnonzero(entries == UNMET)):
        meet(set(codes[unmet].tolist()))
        entries = np.take(table, places)
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

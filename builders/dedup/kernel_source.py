"""The loops of the sketch as numba compiles them: plain arithmetic over pointers, without allocation or exception.

Each function does what a function in arrays does elsewhere in this room, and must give the same bytes. They are called
through ``compiled`` only; nothing here imports numba, which is needed once for each machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Kinds of a character in the upper bits of an entry of ``character_table``.
NONE, LETTER, JOINER, ALONE, ODD, SEVERAL = 0, 1, 2, 3, 4, 5
KIND_SHIFT = 24
LENGTH_SHIFT = 18  # of the number of characters in an entry of kind ``SEVERAL``; below it, where their entries start

_U = np.uint64
_BASE = np.uint64(0x9E3779B97F4A7C15)
_ORDER = np.uint64(0xD6E8FEB86659FD93)
_SALT = np.uint64(0xA0761D6478BD642F)
_HASH_MASK = np.uint64((1 << 50) - 1)
_CODE = (1 << KIND_SHIFT) - 1
_LENGTH = (1 << (KIND_SHIFT - LENGTH_SHIFT)) - 1
_PLACE = (1 << LENGTH_SHIFT) - 1
_HASH_BITS = 50
PLACES = (1 << 16) + 1  # of buckets when sorting
_FEW = 32  # values that insertion sorts fastest


def mix(value: Any) -> Any:
    """As ``word_hashes.mix``, for one number."""
    value = (value ^ (value >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> _U(27))) * _U(0x94D049BB133111EB)
    return value ^ (value >> _U(31))


def next_code(data: Any, place: Any, end: Any) -> Any:
    """The character at ``place`` of UTF-8 and where the next one starts; a negative place where it is malformed."""
    first = np.int64(data[place])
    if first < 0x80:
        return first, place + 1
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if first < 0xC2 or first > 0xF4 or place + size > end:
        return first, np.int64(-1)
    code = first & (0x7F >> size)
    for ahead in range(1, size):
        byte = np.int64(data[place + ahead])
        if byte & 0xC0 != 0x80:
            return code, np.int64(-1)
        code = code << 6 | byte & 0x3F
    # Longer than need be, half of a surrogate pair, or beyond Unicode.
    if (size == 3 and (code < 0x800 or 0xD800 <= code < 0xE000)) or (size == 4 and not 0x10000 <= code < 0x110000):
        return code, np.int64(-1)
    return code, place + size


def hash_words(data: Any, offsets: Any, texts: Any, table: Any, width: Any, hashes: Any, counts: Any) -> Any:
    """Word hashes of UTF-8 texts, and the number of words of each, -1 for a text that ``words`` itself must split.

    :param table: uint32 [width], an entry of ``character_table`` for each code point.
    :param hashes: For the result, uint64, twice as many as there are bytes.
    :returns: Number of hashes.
    """
    total = 0
    for text in range(texts):
        place, end, first = offsets[text], offsets[text + 1], total
        word, power = _U(0), _U(1)  # hash of the word so far, and the power of the base of its next character
        after_word, after_power = _U(0), _U(1)  # the same with the joiner behind it
        inside, joined, odd = False, False, False
        while place < end and not odd:
            code, place = next_code(data, place, end)
            if place < 0 or code >= width:
                odd = True
                break
            first_entry, last_entry = code, code + 1
            if table[code] >> KIND_SHIFT == SEVERAL:
                first_entry = np.int64(table[code] & _PLACE)
                last_entry = first_entry + (table[code] >> LENGTH_SHIFT & _LENGTH)
            for position in range(first_entry, last_entry):
                entry = table[position]
                kind = entry >> KIND_SHIFT
                folded = _U(entry & _CODE)
                if kind == LETTER:
                    if joined:
                        word, power, joined, inside = after_word, after_power, False, True
                    elif not inside:
                        word, power, inside = _U(0), _U(1), True
                    word += folded * power
                    power *= _BASE
                elif kind == JOINER and inside:
                    after_word, after_power = word + folded * power, power * _BASE
                    joined, inside = True, False
                elif kind == ODD:
                    odd = True
                else:
                    if inside or joined:
                        hashes[total] = mix(word)
                        total += 1
                        inside, joined = False, False
                    if kind == ALONE:
                        hashes[total] = mix(folded)
                        total += 1
        if odd:
            total = first
            counts[text] = -1
            continue
        if inside or joined:
            hashes[total] = mix(word)
            total += 1
        counts[text] = total - first
    return total


def make_sets(
    hashes: Any, counts: Any, texts: Any, shingle: Any, values: Any, sizes: Any, spare: Any, places: Any
) -> Any:
    """The distinct shingles of each text, ascending.

    :param hashes: Word hashes, text after text.
    :param values: For the result, uint64, as many as ``hashes``.
    :param spare: uint64, as many as the longest text has words.
    :param places: int64 [PLACES].
    :returns: Number of shingles.
    """
    start, total = 0, 0
    for text in range(texts):
        words = counts[text]
        length = min(words, shingle)
        found = words - length + 1 if words > 0 else 0
        for position in range(found):
            combined = _U(length)
            for ahead in range(length):
                combined = combined * _ORDER + hashes[start + position + ahead]
            values[total + position] = mix(combined) & _HASH_MASK
        sort_hashes(values, total, found, spare, places)
        kept = 0
        for position in range(found):
            value = values[total + position]
            if kept == 0 or value != values[total + kept - 1]:
                values[total + kept] = value
                kept += 1
        sizes[text] = kept
        start += words
        total += kept
    return total


def sort_hashes(values: Any, first: Any, count: Any, spare: Any, places: Any) -> None:
    """Sort ``count`` hashes from ``first`` on: by their highest bits into buckets of about one, then each bucket."""
    if count <= _FEW:
        insert_in_order(values, first, count)
        return
    bits = 5
    while bits < 16 and (1 << bits) < count:
        bits += 1
    shift = _U(_HASH_BITS - bits)
    for bucket in range((1 << bits) + 1):
        places[bucket] = 0
    for position in range(count):
        places[np.int64(values[first + position] >> shift) + 1] += 1
    for bucket in range(1 << bits):
        places[bucket + 1] += places[bucket]
    for position in range(count):
        value = values[first + position]
        home = np.int64(value >> shift)
        spare[places[home]] = value
        places[home] += 1
    for position in range(count):
        values[first + position] = spare[position]
    start = 0
    for bucket in range(1 << bits):
        stop = places[bucket]
        if stop - start > _FEW:  # one text repeated, or made to fall into one bucket
            sort_heap(values, first + start, stop - start)
        elif stop - start > 1:
            insert_in_order(values, first + start, stop - start)
        start = stop


def insert_in_order(values: Any, first: Any, count: Any) -> None:
    """Sort a few values by insertion."""
    for position in range(first + 1, first + count):
        value = values[position]
        place = position
        while place > first and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


def sort_heap(values: Any, first: Any, count: Any) -> None:
    """Sort by a heap: slower, but never more than n log n steps."""
    for start in range(count // 2 - 1, -1, -1):
        sift(values, first, start, count)
    for stop in range(count - 1, 0, -1):
        top = values[first]
        values[first] = values[first + stop]
        values[first + stop] = top
        sift(values, first, 0, stop)


def sift(values: Any, first: Any, root: Any, count: Any) -> None:
    """Move the value at ``root`` down until none below it is larger."""
    value = values[first + root]
    child = 2 * root + 1
    while child < count:
        if child + 1 < count and values[first + child + 1] > values[first + child]:
            child += 1
        if values[first + child] <= value:
            break
        values[first + root] = values[first + child]
        root = child
        child = 2 * root + 1
    values[first + root] = value


def make_band_keys(
    values: Any, sizes: Any, sets: Any, factors: Any, bands: Any, rows: Any, low: Any, minima: Any, keys: Any
) -> Any:
    """As ``minhash.band_keys``.

    :param factors: uint32 [bands * rows], of the permutations.
    :param low: uint32, as many as the largest set has shingles; ``minima`` uint32 [bands * rows].
    :param keys: For the result, uint64 [bands, sets].
    :returns: Number of sets.
    """
    start = 0
    for one in range(sets):
        count = sizes[one]
        for position in range(count):
            low[position] = np.uint32(values[start + position] & _U(0xFFFFFFFF))
        for permutation in range(bands * rows):
            factor = factors[permutation]
            least = np.uint32(0xFFFFFFFF)
            for position in range(count):
                least = min(least, np.uint32(low[position] * factor))
            minima[permutation] = least
        for band in range(bands):
            key = _U(0)
            for row in range(rows):
                key = mix(key * _ORDER + _U(minima[band * rows + row]) + _U(1))
            keys[band * sets + one] = key
        start += count
    return sets


def make_set_keys(values: Any, sizes: Any, sets: Any, sums: Any, ors: Any) -> Any:
    """As ``minhash.set_keys``; the results are ``sums`` and ``ors``, uint64 [sets]."""
    start = 0
    for one in range(sets):
        added, turned = _U(0), _U(0)
        for position in range(start, start + sizes[one]):
            added += mix(values[position])
            turned ^= mix(values[position] ^ _SALT)
        sums[one], ors[one] = added, turned
        start += sizes[one]
    return sets


def count_shared(values: Any, starts: Any, sizes: Any, left: Any, right: Any, pairs: Any, common: Any) -> Any:
    """Number of shingles that the sets ``left[i]`` and ``right[i]`` share, into ``common``, int64 [pairs].

    :param values: Shingles of all sets, ascending in each.
    :returns: Number of pairs.
    """
    for pair in range(pairs):
        place, other = starts[left[pair]], starts[right[pair]]
        stop, end = place + sizes[left[pair]], other + sizes[right[pair]]
        shared = 0
        while place < stop and other < end:
            one, two = values[place], values[other]
            shared += one == two
            place += one <= two
            other += two <= one
        common[pair] = shared
    return pairs

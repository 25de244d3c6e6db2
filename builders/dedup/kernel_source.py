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

# Where ``hash_words`` is: outside words, inside one, behind a joiner, or in a text that ``words`` must split.
_OUTSIDE, _INSIDE, _JOINED, _UNKNOWN = 0, 1, 2, 3

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


def hash_words(
    data: Any, offsets: Any, texts: Any, table: Any, width: Any, plain: Any, hashes: Any, counts: Any
) -> Any:
    """Word hashes of UTF-8 texts, and the number of words of each, -1 for a text that ``words`` itself must split.

    :param table: uint32 [width], an entry of ``character_table`` for each code point.
    :param plain: uint64 [256], for each byte that is a letter the folded character, 1 if it belongs to no word, 0 if
        it must be looked up.
    :param hashes: For the result, uint64, twice as many as there are bytes.
    :returns: Number of hashes.
    """
    total = 0
    for text in range(texts):
        place, end, first = offsets[text], offsets[text + 1], total
        word, power = _U(0), _U(1)  # hash of the word so far, and the power of the base of its next character
        after_word, after_power = _U(0), _U(1)  # the same with the joiner behind it
        state = _OUTSIDE
        while place < end and state != _UNKNOWN:
            letter = plain[data[place]]
            if letter > _U(1):
                word, power = begin(state, word, power, after_word, after_power)
                state = _INSIDE
                while letter > _U(1):
                    word += letter * power
                    power *= _BASE
                    place += 1
                    letter = plain[data[place]] if place < end else _U(0)
                if place >= end:
                    break
            if letter == _U(1):
                if state != _OUTSIDE:
                    hashes[total] = mix(word)
                    total += 1
                state = _OUTSIDE
                place += 1
                continue
            code, place = next_code(data, place, end)
            first_entry, last_entry = code, code + 1
            if place < 0 or code >= width:
                state, last_entry = _UNKNOWN, code
            elif table[code] >> KIND_SHIFT == SEVERAL:
                first_entry = np.int64(table[code] & _PLACE)
                last_entry = first_entry + (table[code] >> LENGTH_SHIFT & _LENGTH)
            for position in range(first_entry, last_entry):
                state, word, power, after_word, after_power, total = take(
                    table[position], state, word, power, after_word, after_power, hashes, total
                )
        if state == _UNKNOWN:
            total = first
            counts[text] = -1
            continue
        if state != _OUTSIDE:
            hashes[total] = mix(word)
            total += 1
        counts[text] = total - first
    return total


def begin(state: Any, word: Any, power: Any, after_word: Any, after_power: Any) -> Any:
    """Hash and power before a letter: of the word that it continues, or of none."""
    if state == _JOINED:
        return after_word, after_power
    if state == _OUTSIDE:
        return _U(0), _U(1)
    return word, power


def take(
    entry: Any, state: Any, word: Any, power: Any, after_word: Any, after_power: Any, hashes: Any, total: Any
) -> Any:
    """The state of ``hash_words`` after a character by its entry in the table; finished words go to ``hashes``."""
    kind = np.int64(entry >> KIND_SHIFT)
    folded = _U(entry & _CODE)
    if state == _UNKNOWN or kind == ODD:
        return _UNKNOWN, word, power, after_word, after_power, total
    if kind == LETTER:
        word, power = begin(state, word, power, after_word, after_power)
        return _INSIDE, word + folded * power, power * _BASE, after_word, after_power, total
    if kind == JOINER and state == _INSIDE:
        return _JOINED, word, power, word + folded * power, power * _BASE, total
    if state != _OUTSIDE:
        hashes[total] = mix(word)
        total += 1
    if kind == ALONE:
        hashes[total] = mix(folded)
        total += 1
    return _OUTSIDE, word, power, after_word, after_power, total


def sketch_sets(
    hashes: Any,
    starts: Any,
    counts: Any,
    texts: Any,
    shingle: Any,
    factors: Any,
    bands: Any,
    rows: Any,
    values: Any,
    sizes: Any,
    set_keys: Any,
    band_keys: Any,
    spare: Any,
    low: Any,
    places: Any,
) -> Any:
    """The distinct shingles of each text, ascending, with the keys of the set: ``shingle_sets`` and ``minhash``.

    :param hashes: Word hashes, those of a text from ``starts`` on.
    :param factors: uint32 [bands * rows], of the permutations.
    :param values: For the result, uint64, as many as there are words.
    :param sizes: For the result, int64 [texts]; so are ``set_keys``, uint64 [2, texts], and ``band_keys``, uint64
        [texts, bands], which are not written where a text has no word.
    :param spare: uint64, as many as the longest text has words; ``low`` uint32, as many.
    :param places: int64 [PLACES].
    :returns: Number of shingles.
    """
    total = 0
    for text in range(texts):
        words = counts[text]
        length = min(words, shingle)
        found = words - length + 1 if words > 0 else 0
        for position in range(starts[text], starts[text] + found):
            combined = _U(length)
            for ahead in range(length):
                combined = combined * _ORDER + hashes[position + ahead]
            values[total + position - starts[text]] = mix(combined) & _HASH_MASK
        sort_hashes(values, total, found, spare, places)
        kept, added, turned = 0, _U(0), _U(0)
        for position in range(found):
            value = values[total + position]
            if kept == 0 or value != values[total + kept - 1]:
                values[total + kept] = value
                low[kept] = np.uint32(value & _U(0xFFFFFFFF))
                added += mix(value)
                turned ^= mix(value ^ _SALT)
                kept += 1
        sizes[text] = kept
        if kept > 0:
            set_keys[text], set_keys[texts + text] = added, turned
            make_band_keys(low, kept, factors, bands, rows, band_keys, text * bands)
        total += kept
    return total


def make_band_keys(low: Any, count: Any, factors: Any, bands: Any, rows: Any, keys: Any, first: Any) -> None:
    """The key of each band of one set, from ``keys[first]`` on, as ``minhash.band_keys``.

    :param low: uint32 [count], the lower halves of its shingles.
    """
    for band in range(bands):
        key = _U(0)
        for permutation in range(band * rows, (band + 1) * rows):
            factor = factors[permutation]
            least = np.uint32(0xFFFFFFFF)
            for position in range(count):
                least = min(least, np.uint32(low[position] * factor))
            key = mix(key * _ORDER + _U(least) + _U(1))
        keys[first + band] = key


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

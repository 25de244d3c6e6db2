"""Words and sentences: the one way text is cut, also in languages without spaces."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import islice, pairwise

# Scripts written without spaces between words: there each letter, with the marks on it, is a word.
_UNSPACED = (
    "\u0e00-\u0e7f"  # Thai
    "\u0e80-\u0eff"  # Lao
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U00020000-\U0003ffff"  # Han, further planes
)
# Vowel signs and accents are no letters to ``re``, but stand on one: the combining marks of all living scripts.
_MARKS = "".join(
    character
    for block in (range(0x0300, 0x1D00), range(0x1DC0, 0x1E00), range(0x3099, 0x309B), range(0xA800, 0xAC00))
    for character in map(chr, block)
    if unicodedata.category(character) in ("Mn", "Mc")
)
_LETTER = r"[^\W_]"
_WORD = re.compile(
    rf"[{_UNSPACED}][{_MARKS}]*|(?:(?![{_UNSPACED}]){_LETTER}[{_MARKS}]*)+(?:['\u2019.-](?:(?![{_UNSPACED}]){_LETTER})+)*"
)
_UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
_CLOSING = "[\"'\u201d\u2019)\\]]*"
# One pattern for each mark: one that begins with a single character is searched for many times faster than with a set.
_SENTENCE_ENDS = [(mark, re.compile(rf"{re.escape(mark)}{_CLOSING}(?=\s)")) for mark in ".!?\u2026"]
_LINE_END = re.compile("\n")
_FULL_WIDTH_MARKS = "\u3002\uff01\uff1f"
_FULL_WIDTH_ENDS = re.compile("[\u3002\uff01\uff1f]+[\u300d\u300f\u201d)]*")


def word_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each word of ``text``, in characters."""
    return [match.span() for match in _WORD.finditer(text)]


def word_starts(text: str) -> list[int]:
    """Start of each word of ``text``, in characters."""
    return [match.start() for match in _WORD.finditer(text)]


def word_count(text: str, most: int | None = None) -> int:
    """Number of words of ``text``, counted no further than ``most``."""
    if most is None:
        return len(_WORD.findall(text))
    return sum(1 for _ in islice(_WORD.finditer(text), most))


def has_unspaced(text: str) -> bool:
    """Whether ``text`` holds letters of a script that is written without spaces between words."""
    return not text.isascii() and _UNSPACED_LETTER.search(text) is not None


def fold(text: str, language: str | None = None) -> str:
    """``text`` NFKC-folded to lower case, the form in which words are compared.

    :param language: BCP-47 tag where known; Turkic languages fold their dotted and dotless i apart.
    """
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if language is not None and language.split("-")[0] in ("tr", "az"):
        folded = folded.replace("I", "\u0131").replace("\u0130", "i")
    return folded.casefold()


def words(text: str, language: str | None = None) -> list[str]:
    """The words of ``text``, NFKC-folded to lower case.

    :param language: BCP-47 tag where known; Turkic languages fold their dotted and dotless i apart.
    """
    return _WORD.findall(fold(text, language))


@cache
def character_kinds() -> bytes:
    """What each character below U+10000 is to the word rule, for code that cuts many texts at once.

    ``n`` none, ``l`` a letter, ``u`` a letter that is a word by itself, ``j`` a joiner (part of a word when it stands
    alone between two ``l``), ``m`` a mark, whose part in a word depends on what stands before it.
    """
    kinds = bytearray(b"n" * 0x10000)
    every = "".join(map(chr, range(0x10000)))
    for pattern, kind in ((_LETTER, "l"), (r"['\u2019.-]", "j"), (f"[{_UNSPACED}]", "u"), (f"[{_MARKS}]", "m")):
        for match in re.finditer(pattern, every):
            kinds[match.start()] = ord(kind)
    return bytes(kinds)


def sentence_ends(text: str) -> list[int]:
    """Positions just behind the sentences of ``text``, a line end counting as one; the end of the text is left out."""
    ends = {match.end() for mark, pattern in _SENTENCE_ENDS if mark in text for match in pattern.finditer(text)}
    if not text.isascii() and any(mark in text for mark in _FULL_WIDTH_MARKS):
        ends.update(match.end() for match in _FULL_WIDTH_ENDS.finditer(text))
    ends.update(match.start() for match in _LINE_END.finditer(text))
    return sorted(ends - {0, len(text)})


def sentences(text: str) -> list[str]:
    """The sentences of ``text``, stripped, none empty."""
    ends = [0, *sentence_ends(text), len(text)]
    pieces = (text[start:end].strip() for start, end in pairwise(ends))
    return [piece for piece in pieces if piece]

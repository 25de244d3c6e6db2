"""Split text into words and sentences, also in languages without spaces between words."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import islice, pairwise

# Scripts written without spaces between words: each letter with its combining marks is a word.
_UNSPACED = (
    "\u0e00-\u0e7f"  # Thai
    "\u0e80-\u0eff"  # Lao
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U00020000-\U0003ffff"  # Han, further planes
)
# Combining marks (vowel signs, accents) of all living scripts: ``re`` does not count them as letters.
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
# The same for a text that has no letter of an unspaced script and no combining mark, in half the time.
_PLAIN_WORD = re.compile(rf"{_LETTER}+(?:['\u2019.-]{_LETTER}+)*")
_NOT_PLAIN = re.compile(f"[{_UNSPACED}{_MARKS}]")
_UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
# These marks also occur inside words and numbers, and end a sentence only before white space.
_SPACED_MARKS = (
    ".!?\u2026\u203c\u203d\u2047\u2048\u2049\u2e2e"
    "\u0589"  # Armenian; typed in times of day, too
    "\u06d4"  # Urdu; abbreviations are written with it
)
# Full stops, question and exclamation marks that mean nothing else (Unicode property Sentence_Terminal, and the Tibetan
# shad), so that no white space need follow. Left out: the Burmese comma U+104A, and signs within Samaritan verses.
_STOPS = (
    "\u061d-\u061f\u0700-\u0702\u07f9\u0964\u0965\u0f0d\u0f0e\u104b\u1362\u1367\u1368\u166e\u1735\u1736\u17d4\u17d5\u1803"
    "\u1809\u1944\u1945\u1aa8-\u1aab\u1b5a\u1b5b\u1b5e\u1b5f\u1b7d-\u1b7f\u1c3b\u1c3c\u1c7e\u1c7f\u2cf9-\u2cfb\u2e3c\u2e53"
    "\u2e54\u3002\ua4ff\ua60e\ua60f\ua6f3\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c8\ua9c9\uaa5d-\uaa5f\uaaf0\uaaf1\uabeb"
    "\ufe12\ufe15\ufe16\ufe56\ufe57\uff01\uff1f\uff61\U00010a56\U00010a57\U00010f55-\U00010f59\U00011047\U00011048"
    "\U000110be-\U000110c1\U00011141-\U00011143\U000111c5\U000111c6\U00011238\U00011239\U0001144b\U0001144c\U000115c2"
    "\U000115c3\U00011641\U00011642\U0001173c-\U0001173e\U00011c41\U00011c42\U00016a6e\U00016a6f\U00016af5\U00016e98"
)
_CLOSING = "\u201d\u2019\u00bb\u203a\u300d\u300f\u3009\u300b\u3011\uff09)\\]"
_EITHER = "\"'\u201c\u2018\u00ab\u2039"  # opening quotes in one language are closing ones in another
# One pattern for each mark: a pattern that starts with one character is searched many times faster than with a set.
_SPACED_ENDS = [(mark, re.compile(rf"{re.escape(mark)}[{_CLOSING}{_EITHER}]*(?=\s)")) for mark in _SPACED_MARKS]
_STOP_ENDS = re.compile(rf"[{_STOPS}][{_STOPS}.!?\u2026]*[{_CLOSING}]*(?:[{_EITHER}]+(?=\s|\Z))?")
_MARKED_ENDS = [
    *_SPACED_ENDS,
    # The wide full stop is also the point of wide numbers and addresses; the Greek question mark is a semicolon.
    ("\uff0e", re.compile(rf"\uff0e[{_CLOSING}]*+(?!(?![{_UNSPACED}]){_LETTER})")),
    (";", re.compile(rf";(?<=[\u0370-\u03ff\u1f00-\u1fff];)[{_CLOSING}{_EITHER}]*(?=\s)")),
]
# Thai and Lao have no marks, but a space between phrases; the sign of repetition follows a space of its own.
_THAI = re.compile("[\u0e01-\u0edf]")
_PHRASE_ENDS = re.compile("(?<=[\u0e01-\u0e5b\u0e81-\u0edf])(?= +[\u0e01-\u0e45\u0e81-\u0ec4])")
_LINE_END = re.compile("\n")


def _word(text: str) -> re.Pattern[str]:
    """The pattern of the words of ``text``."""
    return _PLAIN_WORD if text.isascii() or _NOT_PLAIN.search(text) is None else _WORD


def word_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each word of ``text``, in characters."""
    return [match.span() for match in _word(text).finditer(text)]


def word_starts(text: str) -> list[int]:
    """Start of each word of ``text``, in characters."""
    return [match.start() for match in _word(text).finditer(text)]


def word_count(text: str, most: int | None = None) -> int:
    """Number of words of ``text``; counting stops at ``most``."""
    if most is None:
        return len(_word(text).findall(text))
    return sum(1 for _ in islice(_word(text).finditer(text), most))


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
    if language is None and text.isascii():  # most texts, in a third of the time
        return _PLAIN_WORD.findall(text.lower())
    folded = fold(text, language)
    return _word(folded).findall(folded)


@cache
def character_kinds() -> bytes:
    """Class of each character below U+10000 in the word pattern, for code that splits many texts at once.

    ``n`` not part of a word, ``l`` a letter, ``u`` a letter that is a word by itself, ``j`` a joiner (part of a word
    if it is alone between two ``l``), ``m`` a mark (part of a word if it follows a letter).
    """
    return kinds_of("".join(map(chr, range(0x10000))))


def kinds_of(characters: str) -> bytes:
    """The class of each of ``characters``, as in ``character_kinds``."""
    kinds = bytearray(b"n" * len(characters))
    for pattern, kind in ((_LETTER, "l"), (r"['\u2019.-]", "j"), (f"[{_UNSPACED}]", "u"), (f"[{_MARKS}]", "m")):
        for match in re.finditer(pattern, characters):
            kinds[match.start()] = ord(kind)
    return bytes(kinds)


def sentence_ends(text: str) -> list[int]:
    """End positions of the sentences of ``text``; a line end ends a sentence, and the end of the text is left out."""
    ends = {match.end() for mark, pattern in _MARKED_ENDS if mark in text for match in pattern.finditer(text)}
    if not text.isascii():
        ends.update(match.end() for match in _STOP_ENDS.finditer(text))
        if _THAI.search(text):
            ends.update(match.end() for match in _PHRASE_ENDS.finditer(text))
    ends.update(match.start() for match in _LINE_END.finditer(text))
    return sorted(ends - {0, len(text)})


def sentences(text: str) -> list[str]:
    """The sentences of ``text``, stripped; empty ones are left out."""
    ends = [0, *sentence_ends(text), len(text)]
    pieces = (text[start:end].strip() for start, end in pairwise(ends))
    return [piece for piece in pieces if piece]

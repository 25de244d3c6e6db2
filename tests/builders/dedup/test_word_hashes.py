"""Word hashes agree with the one word rule."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from nyxqa.builders.dedup.word_hashes import word_hashes
from nyxqa.schemas.words import character_kinds, words

# Letters, joiners, marks and scripts where the rule has its corners, then anything.
CORNERS = "ab9_ '.-\u2019\u0301\u0e01\u0e31\u0e34\u4e00\u3042\u3099\u1000\u102b\n\u00df\u0130\u2126"
CORNERS += "\ufb01\U00020000\U0001d400\uffff"
TEXTS = st.lists(st.one_of(st.text(CORNERS, max_size=20), st.text(max_size=20)), max_size=6)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
@example(["a\u0301-b\u0301.c", "", "o'neil-3.5 a..b -x- \u4e2d\u6587a"])
@example(["\u0e01\u0e31\u0e19 x", "plain text", "\U00020000\U00020001"])
def test_hashes_and_counts_are_those_of_words(texts: list[str]) -> None:
    hashes, counts = word_hashes(texts)
    expected = [words(text) for text in texts]
    assert counts.tolist() == [len(found) for found in expected]
    flat = [word for found in expected for word in found]
    by_word = dict(zip(flat, hashes.tolist(), strict=True))
    assert [by_word[word] for word in flat] == hashes.tolist()
    assert len(set(by_word.values())) == len(by_word)


def test_every_single_character_is_cut_as_words_cuts_it() -> None:
    plain = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    for around in ("{}", "a{}b", "\u4e00{}"):
        texts = [around.format(character) for character in plain]
        _, counts = word_hashes(texts)
        assert counts.tolist() == [len(words(text)) for text in texts]


def test_kinds_name_letters_joiners_marks_and_unspaced_scripts() -> None:
    kinds = character_kinds().decode()
    assert [kinds[ord(character)] for character in "aZ9_'-.\u2019 \u0301\u4e00\u0e31"] == list("lllnjjjjnmum")

"""Words and sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nyxqa.schemas.words import sentence_ends, sentences, word_spans, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t?!", []),
        ("Don't stop-gap, 3.14 U.S.", ["don't", "stop-gap", "3.14", "u.s"]),
        ("snake_case", ["snake", "case"]),
        ("\ufb01ne \uff21\uff22", ["fine", "ab"]),
        ("Stra\u00dfe", ["strasse"]),
        ("cafe\u0301 caf\u00e9", ["caf\u00e9", "caf\u00e9"]),
        ("\u65e5\u672c\u8a9e text", ["\u65e5", "\u672c", "\u8a9e", "text"]),
        ("\u304c\u304b\u3099", ["\u304c", "\u304c"]),
        ("\u0e01\u0e34\u0e19", ["\u0e01\u0e34", "\u0e19"]),
        ("\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e", 2),
        ("\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd", 2),
        ("\u0643\u064e\u062a\u064e\u0628\u064e", 1),
        ("\u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0bae\u0bca\u0bb4\u0bbf", 2),
    ],
)
def test_words_are_cut(text: str, expected: list[str] | int) -> None:
    """A number where only the number of words matters: vowel signs must not cut a word."""
    found = words(text)
    assert (len(found) if isinstance(expected, int) else found) == expected
    assert len(word_spans(text)) == len(found)


def test_turkic_languages_fold_their_own_i() -> None:
    assert words("ISPARTA \u0130zmir", "tr") == ["\u0131sparta", "izmir"]
    assert words("ISPARTA", "az-Latn") == ["\u0131sparta"]
    assert words("ISPARTA", "en") == ["isparta"] == words("ISPARTA")


@given(st.text())
def test_spans_are_in_order_and_hold_something(text: str) -> None:
    end = 0
    for start, stop in word_spans(text):
        assert end <= start < stop <= len(text)
        end = stop


def test_sentences_end_at_their_marks_and_at_lines() -> None:
    text = 'One. "Two!" Three?\nFour \u2026 five 3.14 six\n\nseven.'
    assert sentences(text) == ["One.", '"Two!"', "Three?", "Four \u2026", "five 3.14 six", "seven."]
    assert sentences("\u4e00\u3002\u4e8c\uff01\u300d\u4e09") == ["\u4e00\u3002", "\u4e8c\uff01\u300d", "\u4e09"]
    assert sentences("") == []
    assert sentence_ends("No end") == []


@given(st.text())
def test_sentences_lose_nothing_but_white_space(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())

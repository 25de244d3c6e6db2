"""Words and sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nyxqa.schemas.words as module
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


@given(st.text(alphabet=st.sampled_from("ab\u00e9\u0391.'-\u2019 _9\u0301\u0e01\u0e34\u65e5\u304b\u3099\u0e33")))
def test_the_pattern_for_plain_texts_finds_the_same_words(text: str) -> None:
    assert word_spans(text) == [match.span() for match in module._WORD.finditer(text)]


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


# Three sentences in each script, the second a question or an exclamation where the script has a mark for it.
SENTENCES = {
    "Devanagari": (
        "\u0932\u0948\u0902\u092a \u091c\u0932\u093e\u0964",
        "\u0915\u094c\u0928\u0965",
        "\u0935\u0939\u0964",
    ),
    "Bengali": ("\u0986\u09b2\u09cb\u0964", "\u0995\u09c7?", "\u09b8\u09c7\u0964"),
    "Urdu": (
        "\u0627\u06cc\u0645\u06d4\u0627\u06d2 \u06c1\u06d2\u06d4",
        "\u06a9\u06cc\u0627\u061f",
        "\u0648\u06c1\u06d4",
    ),
    "Arabic": ("\u0636\u0648\u0621.", "\u0644\u0645\u0627\u0630\u0627\u061f", "\u0646\u0639\u0645!"),
    "Ethiopic": ("\u1230\u120b\u121d\u1362", "\u1208\u121d\u1295\u1367", "\u12a0\u12ce\u1362"),
    "Armenian": ("12\u058930 \u056a\u0561\u0574\u0589", "\u053b\u0576\u0579\u0589", "\u0531\u0575\u0578\u0589"),
    "Burmese": ("\u1019\u102e\u1038\u104a \u1019\u102e\u1038\u104b", "\u1012\u102b\u104b", "\u101f\u102f\u104b"),
    "Khmer": ("\u1797\u17d2\u179b\u17be\u1784\u17d4", "\u1793\u17c1\u17c7\u17d5", "\u1793\u17c4\u17c7\u17d4"),
    "Tibetan": ("\u0f56\u0f7c\u0f51\u0f0d", "\u0f61\u0f72\u0f42\u0f0e", "\u0f51\u0f0d"),
    "Mongolian": ("\u182e\u1823\u1828\u1803", "\u182a\u1822\u1809", "\u1823\u1803"),
    "Greek": ("\u03a6\u03c9\u03c2.", "\u03a4\u03b9;", "\u039d\u03b1\u03b9."),
    "wide": ("\u5024\u306f\uff13\uff0e\uff11\uff14\u3067\u3059\uff0e", "\u4f55\uff1f\uff01", "\u306f\u3044\uff61"),
    "Chakma": ("\U00011107\U00011141", "\U00011108\U00011143", "\U00011109\U00011142"),
}


@pytest.mark.parametrize("script", SENTENCES)
def test_sentences_end_at_the_marks_of_every_script(script: str) -> None:
    assert sentences(" ".join(SENTENCES[script])) == list(SENTENCES[script])


@pytest.mark.parametrize("script", ["Devanagari", "Ethiopic", "Burmese", "Khmer", "Tibetan", "wide", "Chakma"])
def test_marks_without_another_meaning_need_no_space(script: str) -> None:
    assert sentences("".join(SENTENCES[script])) == list(SENTENCES[script])


def test_closing_quotes_of_all_styles_belong_to_their_sentence() -> None:
    assert sentences("\u201eJa.\u201c Dann. \u00bbNein!\u00ab So.") == [
        "\u201eJa.\u201c",
        "Dann.",
        "\u00bbNein!\u00ab",
        "So.",
    ]
    assert sentences('\u0939\u093e\u0901\u0964"\u0935\u0939" \u0964') == [
        "\u0939\u093e\u0901\u0964",
        '"\u0935\u0939" \u0964',
    ]
    assert sentences("\u3008\u306f\u3044\u3002\u3009\u3044\u3048") == ["\u3008\u306f\u3044\u3002\u3009", "\u3044\u3048"]


def test_thai_and_lao_phrases_end_at_a_space() -> None:
    assert sentences("\u0e44\u0e1f \u0e15\u0e48\u0e32\u0e07 \u0e46 \u0e01\u0e31\u0e19 5 \u0e14\u0e27\u0e07") == [
        "\u0e44\u0e1f",
        "\u0e15\u0e48\u0e32\u0e07 \u0e46",
        "\u0e01\u0e31\u0e19 5 \u0e14\u0e27\u0e07",
    ]


def test_a_semicolon_ends_a_sentence_in_greek_alone() -> None:
    assert sentences("One; two. \u03a4\u03b9; One") == ["One; two.", "\u03a4\u03b9;", "One"]


@given(st.text())
def test_sentences_lose_nothing_but_white_space(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())

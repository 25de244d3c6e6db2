"""What text cleaning leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.schemas.content import PLACEHOLDER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  b\t c\u00a0d \n  e ", "a b c d\ne"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\n\n\n\n \n\nb", "a\n\nb"),
        ("cafe\u0301", "caf\u00e9"),
        ("co\u00adop \ufeffx", "coop x"),
        ("a\x00b\x07c\x9fd", "abcd"),
        ("a\ud800b", "a\ufffdb"),
        ("a <|image|> b", "a b"),
        ("a<|image|>b", "a b"),
        ("<|im\x00age|>x", "x"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert TextCleaner()(text) == expected


def test_what_was_wrong_is_counted() -> None:
    cleaner = TextCleaner()
    cleaner("a\x00b\ud800 <|image|>")
    cleaner("<|image|><|image|> fine\n\ttext \u00ad")
    assert (cleaner.replaced, cleaner.placeholders) == (2, 3)


def test_code_keeps_its_white_space() -> None:
    code = "\ndef f():\n\tif x:\n        return  1   \n\n\n\n# end\n"
    assert TextCleaner()(code, preformatted=True) == "def f():\n    if x:\n        return  1\n\n# end"


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("<|image>\x00\ud800\r\n \u0301"))))
def test_clean_text_is_printable_and_stays_as_it_is(text: str) -> None:
    cleaned = TextCleaner()(text)
    assert PLACEHOLDER not in cleaned
    cleaned.encode("utf-8")
    again = TextCleaner()
    assert again(cleaned) == cleaned
    assert (again.replaced, again.placeholders) == (0, 0)

from __future__ import annotations

import pytest

from nyxqa.builders.formatting import counted, listed, shortened


def test_counts_are_listed_in_their_order() -> None:
    assert listed({"b": 2, "a": 1}) == "b 2, a 1"
    assert listed({}) == "none"


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2000, "row", "2,000 rows"),
        (2, "URL", "2 URLs"),
        (2, "URL", "2 URLs"),
    ],
)
def test_a_noun_has_the_number_of_its_count(count: int, noun: str, text: str) -> None:
    assert counted(count, noun) == text


def test_an_irregular_plural_is_given() -> None:
    assert counted(2, "query", "queries") == "2 queries"


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("abcdef", "abcdef"), ("abcdefg", "abc...")])
def test_a_text_is_cut_only_if_it_is_too_long(text: str, shown: str) -> None:
    assert shortened(text, 6) == shown

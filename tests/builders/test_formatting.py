from __future__ import annotations

import pytest

from nyxqa.builders.formatting import listed, shortened


def test_counts_are_listed_in_their_order() -> None:
    assert listed({"b": 2, "a": 1}) == "b 2, a 1"
    assert listed({}) == "none"


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("abcdef", "abcdef"), ("abcdefg", "abc...")])
def test_a_text_is_cut_only_if_it_is_too_long(text: str, shown: str) -> None:
    assert shortened(text, 6) == shown

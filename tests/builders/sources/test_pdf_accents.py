"""Accents that are drawn as characters of their own belong to their letters."""

# ruff: noqa: RUF001

from __future__ import annotations

import pytest

from nyxqa.builders.sources.pdf.geometry import Box
from nyxqa.builders.sources.pdf.glyphs import Glyph, accented


def glyphs(text: str, over: str) -> list[Glyph]:
    """Characters beside each other, ten points wide; those of ``over`` are drawn where the next one is."""
    found, left = [], 0.0
    for character in text:
        box = Box(left, 0.0, left + 10.0, 12.0)
        found.append(Glyph(character, box, (left, 10.0), 0, 12.0, 0, False, False))
        left += 0.0 if character in over else 10.0
    return found


@pytest.mark.parametrize(
    ("drawn", "over", "read"),
    [
        ("M¨oller", "¨", "Möller"),
        ("na¨ıve", "¨", "naïve"),
        ("´Ecole", "´", "École"),
        ("Dvoˇr´ak", "ˇ´", "Dvořák"),
        ("c¸a", "c", "ça"),  # the cedilla comes after its letter
        ("`a", "", "`a"),  # a mark of a listing beside the letter
        ("¨x1", "¨", "ẍ1"),
        ("´7", "´", "´7"),
        ("¨q", "¨", "¨q"),  # there is no such letter
    ],
)
def test_an_accent_is_put_on_the_letter_that_it_is_drawn_over(drawn: str, over: str, read: str) -> None:
    assert "".join(glyph.text for glyph in accented(glyphs(drawn, over))) == read

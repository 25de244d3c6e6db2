"""Filters of pages follow the one contract of filters: each gives a verdict for every row."""

from __future__ import annotations

import pytest

from nyxqa.builders.filters.base import Filter, Rejection, apply_filters
from nyxqa.builders.filters.language import Detected
from nyxqa.builders.filters.pages import CopyFilter, LanguageFilter, LengthFilter, page_texts, with_languages

TEXTS = [["one two three"], ["one", "two three four"], [], ["eins zwei drei vier"]]
PAGES = page_texts(range(4), TEXTS, ["en-GB", None, None, "de"])


@pytest.mark.parametrize(
    ("judge", "reasons"),
    [
        (CopyFilter({1: "p0"}), [None, "equal to page p0", None, None]),
        (LengthFilter(4), ["fewer than 4 words", None, "fewer than 4 words", None]),
        (LengthFilter(0), [None] * 4),
        (LanguageFilter(["en"]), [None, "fr, score 0.4", "too little text to tell", "de, as the page says"]),
    ],
)
def test_each_filter_of_pages(judge: Filter, reasons: list[str | None]) -> None:
    verdicts = judge(with_languages(PAGES, [None, Detected(None, "fr", 0.4), None, None]))
    assert [None if verdict is None else verdict.detail for verdict in verdicts] == reasons


def test_the_first_filter_gives_the_reason() -> None:
    left, rejected = apply_filters(PAGES, [CopyFilter({0: "p9"}), LengthFilter(4)])
    assert left["row"].to_pylist() == [1, 3]
    assert rejected == {
        0: Rejection("same_page_content", "equal to page p9"),
        2: Rejection("too_short", "fewer than 4 words"),
    }
